//! How a file is dressed, its time, mode and attributes, as it is told to friends.

use tree::{Held, What};
use types::RelPath;

use crate::db::tree as db;
use crate::disk::{Dress, MODE, Root, Traits, dress_of};
use crate::entry::{Known, Stat};
use crate::live::Live;
use crate::{Error, db as rows, twins};

/// What it means that only the inode tells of a change: whether the file is to be read again. A
/// new name of it elsewhere means nothing, nor does its dress if it is as before; but who sets the
/// time back after writing leaves no other trace.
pub(crate) fn is_to_be_read(live: &Live, root: &Root, known: &Known, stat: &Stat) -> bool {
    known.stat.changed_ns != 0
        && (known.stat.names == stat.names || is_dressed_otherwise(live, root, known))
}

/// Looks again at a file of which nothing has changed but perhaps its dress.
pub(crate) fn is_dressed_otherwise(live: &Live, root: &Root, known: &Known) -> bool {
    let share = live.share.id;
    let held = live.shared.store.read_blocking(|view| db::held(view, share, known.id));
    let Ok(Some(Held { what: What::File { executable, attributes, .. }, .. })) = held else {
        return false;
    };
    let Ok((file, stat)) = root.open_plain(&known.path) else { return false };
    let dress = dressed(live, &known.path, &file, &stat);
    dress.is_ok_and(|dress| (dress.executable, dress.attributes) != (executable, attributes))
}

/// How a file is dressed, with what its file system cannot keep as it was told last.
pub(super) fn dressed(
    live: &Live,
    path: &RelPath,
    file: &std::fs::File,
    stat: &Stat,
) -> Result<Dress, Error> {
    let traits = live.traits();
    let mut dress = dress_of(file, stat, &traits);
    if traits.is_lacking() {
        let share = live.share.id;
        let told = live.shared.store.read_blocking(|view| {
            let Some(known) = rows::known_at(view, share, path)? else { return Ok(None) };
            Ok::<_, Error>(db::held(view, share, known.id)?.map(|held| held.what))
        })?;
        complete(&mut dress, told, &traits);
    }
    twins::add_group(live, path, stat, &mut dress.attributes)?;
    Ok(dress)
}

fn complete(dress: &mut Dress, told: Option<What>, traits: &Traits) {
    let Some(What::File { modified_ns, executable, attributes, .. }) = told else {
        dress.executable &= traits.modes;
        dress.attributes.retain(|(name, _)| name != MODE || traits.modes);
        return;
    };
    if traits.same_time(dress.modified_ns, modified_ns) {
        dress.modified_ns = modified_ns;
    }
    if !traits.modes {
        dress.executable = executable;
    }
    let kept = |name: &str| if name == MODE { traits.modes } else { traits.attributes };
    dress.attributes.retain(|(name, _)| kept(name));
    dress
        .attributes
        .extend(attributes.into_iter().filter(|(name, _)| !kept(name) && !twins::is_group(name)));
    dress.attributes.sort();
}
