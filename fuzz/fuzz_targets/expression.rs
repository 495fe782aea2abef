//! Conditions: one text. Accepted: a condition that passed the check. It answers or says why not, and the same when read again.
#![no_main]

use expression::{EvaluateError, Program};
use fuzz_targets::Tally;
use libfuzzer_sys::fuzz_target;

static TALLY: Tally = Tally::new();

const NAMES: &[&str] = &["a", "b", "pressure_1"];
const VALUES: &[[f64; 3]] = &[[0.0; 3], [1.0, -2.5, 1e308], [-0.0, 7.9, 5e-324]];

fuzz_target!(|text: &str| {
    let compiled = Program::compile(text, NAMES);
    if let Ok(program) = &compiled {
        let again = Program::compile(program.text(), NAMES).expect("what was taken once is taken again");
        assert_eq!(program.used(), again.used(), "the same text uses the same names");
        for values in VALUES {
            let answer = program.evaluate(values);
            assert_eq!(answer, again.evaluate(values), "the same text answers the same");
            assert!(!matches!(answer, Err(EvaluateError::Refused(_))), "what passes the check can run: {answer:?}");
        }
    }
    TALLY.note(compiled.is_ok());
});
