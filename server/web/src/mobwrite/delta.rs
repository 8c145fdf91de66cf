//! Deltas of MobWrite: `=2`, `-3`, `+text`, apart by tabs, over the text that both sides know.
//!
//! Lengths count UTF-16 units, as the clients in JavaScript and Java do. The tools in Python count
//! characters; a delta that fits only so is read so, and its sender is answered in the same way.

use documents::Edit;

use super::escape::{escape, unescape};

/// What a client counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Counts {
    #[default]
    Units,
    Characters,
}

/// Replaces some UTF-16 units by a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) at: u32,
    pub(super) delete: u32,
    pub(super) insert: String,
}

impl Change {
    pub(super) fn as_edit(&self) -> Edit<'_> {
        Edit { at: self.at, delete: self.delete, insert: &self.insert }
    }
}

/// A delta, read over the text before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) changes: Vec<Change>,
    pub(super) after: String,
    pub(super) counts: Counts,
}

/// `None` if the delta does not fit the text.
pub(super) fn read(delta: &str, before: &str) -> Option<Applied> {
    let tokens: Vec<Token> =
        delta.split('\t').filter(|token| !token.is_empty()).map(token).collect::<Option<_>>()?;
    let length = tokens.iter().try_fold(0_usize, |length, token| match token {
        Token::Keep(count) | Token::Delete(count) => length.checked_add(*count),
        Token::Insert(_) => Some(length),
    })?;
    let units: Vec<u16> = before.encode_utf16().collect();
    let (counts, tokens) = if length == units.len() {
        (Counts::Units, tokens)
    } else if length == before.chars().count() {
        (Counts::Characters, in_units(tokens, before))
    } else {
        return None;
    };
    let mut after = Vec::with_capacity(units.len());
    let mut changes: Vec<Change> = Vec::new();
    let mut at = 0;
    let mut open = false;
    for token in tokens {
        if let Token::Keep(count) = token {
            after.extend_from_slice(&units[at..at + count]);
            at += count;
            open &= count == 0;
            continue;
        }
        if !open {
            changes.push(Change { at: u32::try_from(at).ok()?, delete: 0, insert: String::new() });
            open = true;
        }
        let change = changes.last_mut()?;
        match token {
            Token::Insert(text) => {
                after.extend(text.encode_utf16());
                change.insert.push_str(&text);
            }
            Token::Delete(count) | Token::Keep(count) => {
                at += count;
                change.delete += u32::try_from(count).ok()?;
            }
        }
    }
    let after = String::from_utf16(&after).ok()?;
    changes.retain(|change| change.delete > 0 || !change.insert.is_empty());
    if changes.iter().any(|change| splits(&units, change)) {
        changes = owned(&documents::edits(before, &after));
    }
    Some(Applied { changes, after, counts })
}

/// The delta that turns one text into another.
pub(super) fn write(before: &str, after: &str, counts: Counts) -> String {
    let units: Vec<u16> = before.encode_utf16().collect();
    let count = |from: usize, to: usize| match counts {
        Counts::Units => to - from,
        Counts::Characters => char::decode_utf16(units[from..to].iter().copied()).count(),
    };
    let mut tokens = Vec::new();
    let mut at = 0;
    for edit in documents::edits(before, after) {
        let (from, to) = (edit.at as usize, (edit.at + edit.delete) as usize);
        tokens.push(('=', count(at, from), ""));
        tokens.push(('-', count(from, to), ""));
        tokens.push(('+', edit.insert.len(), edit.insert));
        at = to;
    }
    tokens.push(('=', count(at, units.len()), ""));
    let mut delta = String::new();
    for (kind, count, text) in tokens.into_iter().filter(|(_, count, _)| *count > 0) {
        if !delta.is_empty() {
            delta.push('\t');
        }
        delta.push(kind);
        match kind {
            '+' => escape(text, &mut delta),
            _ => delta.push_str(&count.to_string()),
        }
    }
    // The tools in Python read nothing at all where there is no word.
    if delta.is_empty() { "=0".to_owned() } else { delta }
}

pub(super) fn owned(edits: &[Edit<'_>]) -> Vec<Change> {
    let own = |edit: &Edit<'_>| Change {
        at: edit.at,
        delete: edit.delete,
        insert: edit.insert.to_owned(),
    };
    edits.iter().map(own).collect()
}

enum Token {
    Keep(usize),
    Delete(usize),
    Insert(String),
}

fn token(text: &str) -> Option<Token> {
    let mut characters = text.chars();
    let kind = characters.next()?;
    let rest = characters.as_str();
    match kind {
        '=' => rest.parse().ok().map(Token::Keep),
        '-' => rest.parse().ok().map(Token::Delete),
        '+' => unescape(rest).map(Token::Insert),
        _ => None,
    }
}

/// The same tokens with characters counted as UTF-16 units.
fn in_units(tokens: Vec<Token>, before: &str) -> Vec<Token> {
    let mut characters = before.chars();
    let mut units = |count: usize| characters.by_ref().take(count).map(char::len_utf16).sum();
    let convert = |token| match token {
        Token::Keep(count) => Token::Keep(units(count)),
        Token::Delete(count) => Token::Delete(units(count)),
        Token::Insert(text) => Token::Insert(text),
    };
    tokens.into_iter().map(convert).collect()
}

/// Whether a change begins or ends in the middle of a character.
fn splits(units: &[u16], change: &Change) -> bool {
    let is_low = |at: u32| matches!(units.get(at as usize), Some(0xdc00..=0xdfff));
    is_low(change.at) || is_low(change.at + change.delete)
}
