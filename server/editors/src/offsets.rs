//! The one place where places in a text are counted another way: characters, lines, and the units
//! of UTF-8, UTF-16 and UTF-32.

use ropey::Rope;
use serde::{Deserialize, Serialize};

/// In what an editor counts along a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Utf8,
    Utf16,
    /// Characters.
    Utf32,
}

/// A place as editors name it; both numbers begin at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) character: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Range {
    pub(crate) start: Position,
    pub(crate) end: Position,
}

impl Unit {
    /// The character that stands at a place. What lies beyond a line's end is its end, what lies
    /// beyond the text's end is the text's, and the middle of a character is its start.
    pub(crate) fn character(self, text: &Rope, position: Position) -> usize {
        if position.line >= text.len_lines() {
            return text.len_chars();
        }
        let start = text.line_to_char(position.line);
        let line = text.line(position.line);
        let mut length = line.len_chars();
        if length > 0 && line.char(length - 1) == '\n' {
            length -= 1;
        }
        let along = match self {
            Self::Utf32 => position.character,
            Self::Utf16 => line.utf16_cu_to_char(position.character.min(line.len_utf16_cu())),
            Self::Utf8 => line.byte_to_char(position.character.min(line.len_bytes())),
        };
        start + along.min(length)
    }

    pub(crate) fn position(self, text: &Rope, character: usize) -> Position {
        let at = character.min(text.len_chars());
        let line = text.char_to_line(at);
        let start = text.line_to_char(line);
        let character = match self {
            Self::Utf32 => at - start,
            Self::Utf16 => text.char_to_utf16_cu(at) - text.char_to_utf16_cu(start),
            Self::Utf8 => text.char_to_byte(at) - text.char_to_byte(start),
        };
        Position { line, character }
    }

    pub(crate) fn range(self, text: &Rope, start: usize, end: usize) -> Range {
        Range { start: self.position(text, start), end: self.position(text, end) }
    }
}

/// UTF-16 units before a character, as the CRDT counts.
pub(crate) fn units(text: &Rope, character: usize) -> u32 {
    u32::try_from(text.char_to_utf16_cu(character.min(text.len_chars()))).unwrap_or(u32::MAX)
}

/// The character at so many UTF-16 units; the middle of a pair is its start.
pub(crate) fn character(text: &Rope, units: u32) -> usize {
    text.utf16_cu_to_char((units as usize).min(text.len_utf16_cu()))
}
