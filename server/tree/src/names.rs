//! Names that are free.

use types::{FileId, Name};

use crate::Ledger;

const NAME_BYTES_MAX: usize = 255;

/// `plan 2.md`, or the first number above that nobody has in this folder.
pub fn free_name<L: Ledger>(ledger: &L, parent: FileId, name: &Name) -> Result<Name, L::Error> {
    for number in 2_u64.. {
        let next = numbered(name, number);
        if ledger.at(parent, &next)?.is_empty() {
            return Ok(next);
        }
    }
    Ok(name.clone())
}

fn numbered(name: &Name, number: u64) -> Name {
    let text = name.as_str();
    let (stem, extension) = match text.rfind('.') {
        Some(at) if at > 0 => text.split_at(at),
        _ => (text, ""),
    };
    let end = format!(" {number}{extension}");
    let room = NAME_BYTES_MAX.saturating_sub(end.len());
    let stem = &stem[..stem.floor_char_boundary(room)];
    Name::new(&format!("{stem}{end}"))
        .or_else(|_| Name::new(&format!("{number}")))
        .unwrap_or_else(|_| name.clone())
}
