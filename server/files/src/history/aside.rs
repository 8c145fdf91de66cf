//! What friends' changes replaced or removed: dropped if the history holds it, kept in the history
//! if it may be, moved into a folder of its own otherwise. Never lost.

use types::{Hash, Name, RelPath};

use super::{Reader, contains, db, keep, room};
use crate::Error;
use crate::disk::{Root, read_error};
use crate::ignore::KEPT_FOLDER;
use crate::live::Live;

/// How many things of one name are kept aside.
const ASIDE_MAX: u32 = 10_000;

/// Keeps what stands under a part's name and stood under `path` before.
pub(crate) fn set_aside(
    live: &Live,
    root: &Root,
    (folder, part): (&RelPath, &str),
    path: &RelPath,
) {
    if let Err(error) = keep_or_move(live, root, (folder, part), path) {
        tracing::warn!(%path, part, %error, "an old content stays under a hidden name");
    }
}

fn keep_or_move(
    live: &Live,
    root: &Root,
    (folder, part): (&RelPath, &str),
    path: &RelPath,
) -> Result<(), Error> {
    let Ok(file) = root.open_named(folder, part) else {
        // A link: the history holds its text.
        root.drop_part(folder, part);
        return Ok(());
    };
    let (share, store) = (live.share.id, &live.shared.store);
    let facts = file.metadata().map_err(|error| read_error(&error))?;
    let stamp = crate::disk::modified_ns_of(&facts);
    let known = store.read_blocking(|view| {
        let Some(id) = db::id_at(view, share, path)? else { return Ok(None) };
        let mut contents = db::contents_of(view, id)?.into_iter();
        let found = contents.find(|(_, size, at)| (*size, *at) == (facts.len(), stamp));
        let Some((hash, _, _)) = found else { return Ok(None) };
        Ok::<_, Error>(Some((hash, contains(view, share, hash)?)))
    })?;
    let hash = match known {
        Some((_, true)) => {
            root.drop_part(folder, part);
            return Ok(());
        }
        // It need not be read to know that there is no room for it.
        Some((hash, false)) if facts.len() > room(store)? => hash,
        _ => keep(live, &file)?.0,
    };
    if store.write_blocking(move |tx| store::place_content(tx, hash))? {
        root.drop_part(folder, part);
        return Ok(());
    }
    move_aside(live, root, (folder, part), path, (hash, facts.len()))
}

fn move_aside(
    live: &Live,
    root: &Root,
    (folder, part): (&RelPath, &str),
    path: &RelPath,
    (hash, size): (Hash, u64),
) -> Result<(), Error> {
    let kept_folder = RelPath::root().join(&Name::new(KEPT_FOLDER)?);
    match root.make_folder(&kept_folder) {
        Ok(_) | Err(Error::Taken) => {}
        Err(error) => return Err(error),
    }
    let name = path.name().map_or_else(|| "file".to_owned(), |name| name.to_string());
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name.as_str(), String::new()),
    };
    for number in 1..=ASIDE_MAX {
        let aside = Name::new(&format!("{stem} {number}{extension}"))?;
        match root.give_name(folder, part, &kept_folder.join(&aside)) {
            Err(Error::Taken) => {}
            Err(error) => return Err(error),
            Ok(()) => {
                let share = live.share.id;
                return live.shared.store.write_blocking(move |tx| {
                    db::put_aside(tx, share, hash, aside.as_str(), size)
                });
            }
        }
    }
    Err(Error::Taken)
}

/// A content that was moved aside.
pub(super) fn open(live: &Live, hash: Hash) -> Result<Option<Reader>, Error> {
    let share = live.share.id;
    let Some((name, size)) =
        live.shared.store.read_blocking(|view| db::aside(view, share, hash))?
    else {
        return Ok(None);
    };
    let folder = RelPath::root().join(&Name::new(KEPT_FOLDER)?);
    let file = live.root()?.open_named(&folder, &name);
    let same = |file: &std::fs::File| file.metadata().is_ok_and(|facts| facts.len() == size);
    Ok(file.ok().filter(same).map(|file| Reader::Aside(file, size)))
}
