//! What a client of MobWrite asks for, read line by line. Lines that mean nothing are passed over.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::escape::unescape;

/// Parts of one request that was cut into blocks wait so long for the others,
const PARTS_WAIT: Duration = Duration::from_secs(15 * 60);
/// and there may be so many requests, parts and bytes of one address,
const REQUESTS_MAX: usize = 32;
const PARTS_MAX: usize = 10_000;
const BYTES_MAX: usize = 4 << 20;
/// and of everybody.
const ALL_BYTES_MAX: usize = 32 << 20;
/// A block may hold blocks again, so deep.
const DEPTH_MAX: usize = 4;
const NAME_BYTES_MAX: usize = 256;

/// One thing to do, on one file as one editor sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    /// The editor's own word for itself.
    pub(super) user: String,
    pub(super) file: String,
    /// The answer is to name the user.
    pub(super) echo: bool,
    /// The newest version of the hive's that the client has.
    pub(super) seen: i64,
    pub(super) does: Does,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Does {
    /// The client's edit of this number; `force`: it overrules what others did.
    Delta {
        number: i64,
        force: bool,
        delta: String,
    },
    /// The whole text, as the client has it.
    Raw {
        number: i64,
        force: bool,
        text: String,
    },
    Nullify,
    /// Komob: the view is closed.
    Close,
    /// Komob: name and selection, in JSON.
    About(String),
}

/// Reads a request. Nothing of it counts unless it ends with an empty line.
pub(super) fn read(request: &str, parts: &mut Parts, from: IpAddr, now: Instant) -> Vec<Action> {
    read_nested(request, parts, from, now, 0)
}

fn read_nested(
    request: &str,
    parts: &mut Parts,
    from: IpAddr,
    now: Instant,
    depth: usize,
) -> Vec<Action> {
    let ends = ["\n\n", "\r\r", "\n\r\n\r", "\r\n\r\n"];
    let mut actions = Vec::new();
    if depth > DEPTH_MAX || !ends.iter().any(|end| request.ends_with(end)) {
        return actions;
    }
    let mut user = (String::new(), false);
    let mut file = (String::new(), 0);
    for line in lines(request).take_while(|line| !line.is_empty()) {
        let Some((letter, value)) = line.split_once(':').filter(|(letter, _)| letter.len() == 1)
        else {
            continue;
        };
        let does = match letter {
            "b" | "B" => match parts.take(value, from, now) {
                // What was cut into blocks stands in place of the rest.
                Some(whole) => return read_nested(&whole, parts, from, now, depth + 1),
                None => continue,
            },
            "u" | "U" => {
                user = (cut(value), letter == "U");
                continue;
            }
            "f" | "F" => {
                if let Some((version, name)) = numbered(value) {
                    file = (cut(name), version);
                }
                continue;
            }
            "n" | "N" => {
                file.0 = cut(value);
                Does::Nullify
            }
            "x" | "X" => {
                file.0 = cut(value);
                Does::Close
            }
            "m" | "M" => Does::About(value.to_owned()),
            "d" | "D" => match numbered(value) {
                Some((number, delta)) => {
                    Does::Delta { number, force: letter == "D", delta: delta.to_owned() }
                }
                None => continue,
            },
            "r" | "R" => match numbered(value).and_then(|(n, text)| Some((n, unescape(text)?))) {
                Some((number, text)) => Does::Raw { number, force: letter == "R", text },
                None => continue,
            },
            _ => continue,
        };
        if !user.0.is_empty() && !file.0.is_empty() {
            let (user, echo) = user.clone();
            actions.push(Action { user, file: file.0.clone(), echo, seen: file.1, does });
        }
    }
    actions
}

/// Lines that end with a line feed, a return, or both.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.strip_prefix("\r\n").or_else(|| after.get(1..)).unwrap_or_default();
        Some(line)
    })
}

fn numbered(value: &str) -> Option<(i64, &str)> {
    let (number, rest) = value.split_once(':')?;
    Some((number.trim().parse().ok()?, rest))
}

fn cut(name: &str) -> String {
    name.chars().take(NAME_BYTES_MAX).collect()
}

/// Requests of which some blocks have not come yet.
#[derive(Debug, Default)]
pub(super) struct Parts {
    waiting: BTreeMap<(IpAddr, String, usize), Whole>,
}

#[derive(Debug)]
struct Whole {
    parts: BTreeMap<usize, String>,
    bytes: usize,
    since: Instant,
}

impl Parts {
    /// Takes one block in; gives the request when it was the last one.
    fn take(&mut self, value: &str, from: IpAddr, now: Instant) -> Option<String> {
        let mut words = value.splitn(4, ' ');
        let name = cut(words.next()?);
        let size: usize = words.next()?.parse().ok()?;
        let index: usize = words.next()?.parse().ok()?;
        let data = words.next()?;
        if !(1..=size).contains(&index) || size > PARTS_MAX {
            return None;
        }
        self.waiting.retain(|_, whole| now.duration_since(whole.since) < PARTS_WAIT);
        let key = (from, name, size);
        if !self.waiting.contains_key(&key) {
            self.make_room(from, data.len());
        }
        let all: usize = self.waiting.values().map(|whole| whole.bytes).sum();
        let fresh = || Whole { parts: BTreeMap::new(), bytes: 0, since: now };
        let whole = self.waiting.entry(key.clone()).or_insert_with(fresh);
        if whole.bytes + data.len() > BYTES_MAX || all + data.len() > ALL_BYTES_MAX {
            self.waiting.remove(&key);
            return None;
        }
        whole.bytes += data.len();
        if let Some(before) = whole.parts.insert(index, data.to_owned()) {
            whole.bytes -= before.len();
        }
        if whole.parts.len() < size {
            return None;
        }
        let whole = self.waiting.remove(&key)?;
        let mut request = unescape(&whole.parts.into_values().collect::<String>())?;
        // The last character is a line's end, and twice it is the end of the request.
        request.extend(request.chars().last());
        Some(request)
    }

    /// Forgets the oldest of this address if it has too many.
    fn make_room(&mut self, from: IpAddr, bytes: usize) {
        loop {
            let own = || self.waiting.iter().filter(|((of, ..), _)| *of == from);
            let held: usize = own().map(|(_, whole)| whole.bytes).sum();
            if own().count() < REQUESTS_MAX && held + bytes <= BYTES_MAX {
                return;
            }
            let oldest = own().min_by_key(|(_, whole)| whole.since).map(|(key, _)| key.clone());
            match oldest {
                Some(oldest) => drop(self.waiting.remove(&oldest)),
                None => return,
            }
        }
    }
}
