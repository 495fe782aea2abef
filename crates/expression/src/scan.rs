//! The first look at a text, before the parser sees it: size, alphabet, brackets.
//!
//! The parser recurses by brackets and by the length of a chain of operators, and answers what it does not know in words that
//! help nobody. So what could grow its stack, and what is refused anyway, ends here.
//! Limits: [`TEXT_BYTES_MAX`], [`BRACKETS_MAX`], [`TOKENS_MAX`].

use crate::check::NODES_MAX;
use crate::error::{CompileError, Place};

/// The longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 2_000;

/// How deep brackets may lie in each other.
pub const BRACKETS_MAX: usize = 32;

/// The most names, numbers and operators. Each becomes at most one node, and what becomes none (the sign of a number, a pair of
/// `!`) is at most one beside each node in any sane text, so this refuses nothing that [`NODES_MAX`] would not.
const TOKENS_MAX: usize = 2 * NODES_MAX;

/// What people write for operators, and what the language writes.
const WRITTEN_FOR: &[(char, &str)] = &[
    ('≥', ">="),
    ('≤', "<="),
    ('≠', "!="),
    ('×', "*"),
    ('÷', "/"),
    ('−', "-"),
    ('（', "("),
    ('）', ")"),
    ('，', ","),
    ('＞', ">"),
    ('＜', "<"),
    ('＝', "=="),
    ('&', "&&"),
    ('|', "||"),
    ('=', "=="),
];

/// What the language knows and conditions do not.
const REFUSED: &[(&str, &str, &str)] = &[
    ("[]", "lists and indexes are not allowed", "a condition is about numbers: write `a > 1.0 || b > 1.0`"),
    ("{}", "maps and messages are not allowed", "a condition is about numbers"),
    ("\"'", "texts are not allowed", "a condition is about numbers"),
];

/// The text as the parser may have it: of the same length in characters, plain ASCII, comments blanked.
pub(crate) fn scan(text: &str) -> Result<String, CompileError> {
    if text.len() > TEXT_BYTES_MAX {
        let problem = format!("the text has {} bytes, and {TEXT_BYTES_MAX} are allowed", text.len());
        return Err(CompileError::new(None, problem, "make several conditions of it"));
    }
    let plain = without_comments(text);
    if plain.trim().is_empty() {
        return Err(CompileError::new(None, "the text is empty", "write a comparison such as `a > 10.0`"));
    }
    Scan { text: &plain, chars: plain.chars().collect(), at: 0, open: Vec::new(), tokens: 0 }.run()?;
    Ok(plain)
}

/// Blanks from `//` to the end of the line, so that a comment may be in any script.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (code, comment) = line.split_at(line.find("//").unwrap_or(line.len()));
        plain.push_str(code);
        plain.extend(comment.chars().map(|c| if c == '\n' { c } else { ' ' }));
    }
    plain
}

struct Scan<'a> {
    text: &'a str,
    chars: Vec<char>,
    at: usize,
    /// Where the brackets opened that are still open.
    open: Vec<usize>,
    tokens: usize,
}

impl Scan<'_> {
    fn run(mut self) -> Result<(), CompileError> {
        while let Some(&char) = self.chars.get(self.at) {
            self.token(char)?;
            if self.tokens > TOKENS_MAX {
                return Err(self.fault(self.at - 1, "the condition has too many parts", "make several conditions of it"));
            }
        }
        match self.open.last() {
            Some(&open) => Err(self.fault(open, "`(` is never closed", "write a `)`")),
            None => Ok(()),
        }
    }

    /// Steps over one token.
    fn token(&mut self, char: char) -> Result<(), CompileError> {
        match char {
            ' ' | '\t' | '\r' | '\n' => self.at += 1,
            '(' | ')' => self.bracket(char)?,
            '0'..='9' => self.number(),
            '.' if self.digit_at(self.at + 1) => self.number(),
            'a'..='z' | 'A'..='Z' | '_' => self.word()?,
            '<' | '>' | '=' | '!' | '&' | '|' => self.operator(char)?,
            // These two stand between parts and are none.
            ',' | ':' => self.at += 1,
            '+' | '-' | '*' | '/' | '%' | '?' | '.' => self.step(1),
            _ => return Err(self.stranger(char)),
        }
        Ok(())
    }

    fn step(&mut self, chars: usize) {
        self.at += chars;
        self.tokens += 1;
    }

    fn bracket(&mut self, char: char) -> Result<(), CompileError> {
        if char == '(' {
            self.open.push(self.at);
        } else if self.open.pop().is_none() {
            return Err(self.fault(self.at, "`)` closes nothing", "write a `(` before it, or leave it out"));
        }
        if self.open.len() > BRACKETS_MAX {
            let problem = format!("brackets lie more than {BRACKETS_MAX} deep in each other");
            return Err(self.fault(self.at, problem, "make several conditions of it"));
        }
        self.at += 1;
        Ok(())
    }

    fn number(&mut self) {
        let hexadecimal = self.chars[self.at..].starts_with(&['0', 'x']);
        let mut end = self.at + 1;
        while let Some(char) = self.chars.get(end) {
            let sign = matches!(char, '+' | '-') && matches!(self.chars[end - 1], 'e' | 'E') && !hexadecimal;
            let point = *char == '.' && self.digit_at(end + 1);
            if !(char.is_ascii_alphanumeric() || sign || point) {
                break;
            }
            end += 1;
        }
        self.step(end - self.at);
    }

    fn word(&mut self) -> Result<(), CompileError> {
        let rest = &self.chars[self.at..];
        let length = rest.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').count();
        let word: String = rest.iter().take(length).collect();
        let cure = match word.to_ascii_lowercase().as_str() {
            "and" => "write `&&`",
            "or" => "write `||`",
            "not" => "write `!`",
            _ => {
                self.step(length);
                return Ok(());
            }
        };
        Err(self.fault(self.at, format!("`{word}` is no operator"), cure))
    }

    fn operator(&mut self, char: char) -> Result<(), CompileError> {
        let next = self.chars.get(self.at + 1).copied();
        match (char, next) {
            ('=' | '!' | '<' | '>', Some('=')) | ('&', Some('&')) | ('|', Some('|')) => self.step(2),
            ('<' | '>' | '!', _) => self.step(1),
            ('=', Some('<')) => return Err(self.fault(self.at, "`=<` is no operator", "write `<=`")),
            ('=', Some('>')) => return Err(self.fault(self.at, "`=>` is no operator", "write `>=`")),
            _ => return Err(self.stranger(char)),
        }
        Ok(())
    }

    fn digit_at(&self, at: usize) -> bool {
        self.chars.get(at).is_some_and(char::is_ascii_digit)
    }

    fn stranger(&self, char: char) -> CompileError {
        if let Some((_, problem, cure)) = REFUSED.iter().find(|(refused, ..)| refused.contains(char)) {
            return self.fault(self.at, *problem, *cure);
        }
        let cure = WRITTEN_FOR.iter().find(|(written, _)| *written == char).map(|(_, right)| format!("write `{right}`"));
        self.fault(self.at, format!("`{}` is not of the language", char.escape_debug()), cure.unwrap_or_default())
    }

    fn fault(&self, at: usize, problem: impl Into<String>, cure: impl Into<String>) -> CompileError {
        CompileError::new(Some(Place::of(self.text, at)), problem, cure)
    }
}
