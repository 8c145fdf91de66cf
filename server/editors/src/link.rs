//! A link as it stands in an address: where the hive is, which link, and its secret.

/// `http(s)://host/l/ID#SECRET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) secure: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Link {
    /// `None`: the words are no link.
    pub(crate) fn read(words: &str) -> Option<Self> {
        let (address, secret) = words.trim().split_once('#')?;
        let (secure, rest) = match address.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, address.strip_prefix("http://")?),
        };
        let (authority, path) = rest.split_once('/')?;
        let id = path.strip_prefix("l/")?.split(['/', '?']).next()?;
        let usual = if secure { 443 } else { 80 };
        let after_brackets = authority.rfind(']').unwrap_or(0);
        let (host, port) = match authority[after_brackets..].rfind(':') {
            None => (authority, usual),
            Some(at) => {
                let (host, port) = authority.split_at(after_brackets + at);
                (host, port[1..].parse().ok()?)
            }
        };
        let whole = !host.is_empty() && !id.is_empty() && !secret.is_empty();
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        (whole && plain).then(|| Self {
            secure,
            host: host.to_ascii_lowercase(),
            port,
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }

    pub(crate) fn authority(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    pub(crate) fn base(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::Link;

    #[test]
    fn links_are_read_and_other_words_are_not() {
        let link = Link::read("http://Box.local:7547/l/abc-1#s3cret").expect("it is a link");
        assert_eq!((link.host.as_str(), link.port, link.id.as_str()), ("box.local", 7547, "abc-1"));
        assert_eq!(link.base(), "http://box.local:7547");
        let link = Link::read(" https://[::1]/l/x#y\n").expect("it is a link");
        assert_eq!((link.host.as_str(), link.port, link.secure), ("[::1]", 443, true));
        assert_eq!(link.base(), "https://[::1]");
        for words in ["http://h/l/#s", "http://h/l/i", "ftp://h/l/i#s", "http://h:x/l/i#s", "a b c"]
        {
            assert_eq!(Link::read(words), None, "{words}");
        }
    }
}
