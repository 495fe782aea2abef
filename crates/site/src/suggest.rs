//! "Did you mean": the nearest of the words that would have been right.

/// The nearest candidate that is near enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(64).collect();
    let allowed = (word.len() / 3).clamp(1, 3);
    let near = candidates.into_iter().filter_map(|candidate| {
        let other: Vec<char> = candidate.to_lowercase().chars().take(64).collect();
        let worth = other.len().abs_diff(word.len()) <= allowed;
        worth.then(|| (distance(&word, &other), candidate)).filter(|(distance, _)| *distance <= allowed)
    });
    near.min().map(|(_, candidate)| candidate)
}

/// ` (did you mean ...)` or nothing, to follow a problem's text.
pub(crate) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |near| format!("did you mean `{near}`"))
}

/// Edits between two words: insert, delete, replace, or swap two neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(from != to)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let words = ["limit", "latching", "deadband", "id"];
        for (typo, meant) in [("limti", "limit"), ("Limit", "limit"), ("dead_band", "deadband"), ("latchign", "latching")] {
            assert_eq!(nearest(typo, words), Some(meant), "{typo}");
        }
        for stranger in ["colour", "x", "", "temperature"] {
            assert_eq!(nearest(stranger, words.iter().copied().take(3)), None, "{stranger}");
        }
    }
}
