//! How MobWrite writes text in a line: UTF-8, with what is not plain as `%XX`.

/// What stands for itself, as JavaScript's `encodeURI` has it, and the space.
const PLAIN: &[u8] = b"_.-!~*'();/?:@&=+$,# ";

pub(super) fn escape(text: &str, target: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
            target.push(char::from(byte));
        } else {
            target.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// `None` if the bytes are not UTF-8. A `%` without two digits stands for itself.
pub(super) fn unescape(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut found = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                found.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                found.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(found).ok()
}
