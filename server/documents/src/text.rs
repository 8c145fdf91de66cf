//! Bytes of a file and the text that people edit: byte order mark and line ends stand apart.

use std::borrow::Cow;

use crate::Error;

/// The largest file that is edited live.
pub const TEXT_BYTES_MAX: u64 = 5_000_000;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// What of a file's bytes is not in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Form {
    /// The file begins with a byte order mark.
    pub(crate) mark: bool,
    /// Every line ends with CR LF; the text has LF alone.
    pub(crate) crlf: bool,
}

/// Whether a file with these bytes can be edited live.
pub fn check(bytes: &[u8]) -> Result<(), Error> {
    decode(bytes).map(|_| ())
}

/// Takes a file apart. [`encode`] gives back the same bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, Form), Error> {
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        return Err(Error::TooLarge { size: bytes.len() as u64 });
    }
    if bytes.contains(&0) {
        return Err(Error::Binary);
    }
    let rest = bytes.strip_prefix(MARK);
    let mark = rest.is_some();
    let text = std::str::from_utf8(rest.unwrap_or(bytes)).map_err(|error| Error::NotUtf8 {
        at: error.valid_up_to() + if mark { MARK.len() } else { 0 },
    })?;
    if has_crlf_alone(text) {
        return Ok((Cow::Owned(text.replace("\r\n", "\n")), Form { mark, crlf: true }));
    }
    Ok((Cow::Borrowed(text), Form { mark, crlf: false }))
}

/// Puts a file together.
pub(crate) fn encode(text: &str, form: Form) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + MARK.len());
    if form.mark {
        bytes.extend_from_slice(MARK);
    }
    if !form.crlf {
        bytes.extend_from_slice(text.as_bytes());
        return bytes;
    }
    let mut last = 0;
    for byte in text.bytes() {
        if byte == b'\n' && last != b'\r' {
            bytes.push(b'\r');
        }
        bytes.push(byte);
        last = byte;
    }
    bytes
}

/// Whether there are line ends and each of them is CR LF.
fn has_crlf_alone(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut found = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' if at == 0 || bytes[at - 1] != b'\r' => return false,
            b'\n' => found = true,
            b'\r' if bytes.get(at + 1) != Some(&b'\n') => return false,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_form(bytes: &[u8], text: &str, mark: bool, crlf: bool) {
        let (found, form) = decode(bytes).unwrap();
        assert_eq!((found.as_ref(), form), (text, Form { mark, crlf }));
        assert_eq!(encode(text, form), bytes);
    }

    #[test]
    fn a_file_is_taken_apart_and_put_together() {
        check_form(b"", "", false, false);
        check_form(b"a\nb", "a\nb", false, false);
        check_form(b"a\r\nb\r\n", "a\nb\n", false, true);
        check_form(b"\r\n", "\n", false, true);
        check_form(b"a\r\nb\n", "a\r\nb\n", false, false);
        check_form(b"a\nb\r\n", "a\nb\r\n", false, false);
        check_form(b"a\rb\r\n", "a\rb\r\n", false, false);
        check_form(b"a\r\n\r", "a\r\n\r", false, false);
        check_form(b"a\r\r\n", "a\r\r\n", false, false);
        check_form("\u{feff}a\r\n".as_bytes(), "a\n", true, true);
        check_form("\u{feff}".as_bytes(), "", true, false);
        check_form("\u{feff}\u{feff}x".as_bytes(), "\u{feff}x", true, false);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(matches!(decode(b"a\0b"), Err(Error::Binary)));
        assert!(matches!(decode(b"ab\xff"), Err(Error::NotUtf8 { at: 2 })));
        assert!(matches!(decode(b"\xef\xbb\xbfab\xff"), Err(Error::NotUtf8 { at: 5 })));
        assert!(matches!(decode(b"ab\xf0\x9f\x98"), Err(Error::NotUtf8 { at: 2 })));
        let large = vec![b'a'; 5_000_001];
        assert!(matches!(decode(&large), Err(Error::TooLarge { size: 5_000_001 })));
        assert!(decode(&large[1..]).is_ok());
    }

    #[test]
    fn a_typed_crlf_is_not_doubled() {
        assert_eq!(encode("a\r\nb\n", Form { mark: false, crlf: true }), b"a\r\nb\r\n");
    }

    #[test]
    fn any_small_file_survives() {
        let alphabet = [b'a', b'\r', b'\n'];
        for code in 0..3_usize.pow(7) {
            let bytes: Vec<u8> = (0..7).map(|at| alphabet[code / 3_usize.pow(at) % 3]).collect();
            let (text, form) = decode(&bytes).unwrap();
            assert_eq!(encode(&text, form), bytes);
        }
    }
}
