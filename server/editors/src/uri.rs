//! `file:` addresses of editors and the paths they mean (RFC 8089).

use std::path::PathBuf;

/// `None`: it is no address of a file on this computer.
pub(crate) fn path(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    rest.starts_with('/').then(|| PathBuf::from(decoded(rest)))
}

#[cfg(test)]
pub(crate) fn of(path: &std::path::Path) -> String {
    let keeps = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.to_string_lossy().bytes().fold("file://".to_owned(), |mut uri, byte| {
        if keeps(byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
        uri
    })
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut result = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                result.push(byte);
                at += 3;
            }
            _ => {
                result.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&result).into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn addresses_and_paths_are_the_same_thing() {
        for path in ["/a/b.md", "/Ünicode/with space/50%.md", "/x#y?z"] {
            let uri = super::of(std::path::Path::new(path));
            assert_eq!(super::path(&uri).as_deref(), Some(std::path::Path::new(path)), "{uri}");
        }
        assert_eq!(super::path("untitled:Untitled-1"), None);
        assert_eq!(super::path("file://server/share/x"), None);
    }
}
