//! Every SQL statement on chunks and contents.

use rusqlite::{OptionalExtension, params};
use types::Hash;

use super::pack::Spot;
use crate::{Error, Tx, View};

/// A chunk's hash and its size in a content's list.
const ENTRY_BYTES: usize = 36;

/// A chunk as it is stored: hash, bytes or place, size, whether compressed.
pub(super) type Stored<T> = (Hash, T, u32, bool);

pub(super) struct Row {
    pub(super) place: Place,
    pub(super) size: u32,
    pub(super) packed: bool,
}

pub(super) enum Place {
    Inline(Vec<u8>),
    Packed(Spot),
}

pub(super) fn has(view: &View, hash: Hash) -> Result<bool, Error> {
    let mut statement = view.prepare_cached(
        "SELECT 1 FROM chunk WHERE hash = ?1 AND (bytes IS NOT NULL OR pack IS NOT NULL)",
    )?;
    Ok(statement.exists([hash.as_bytes()])?)
}

pub(super) fn chunk(view: &View, hash: Hash) -> Result<Option<Row>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT bytes, pack, at, stored, size, packed FROM chunk
         WHERE hash = ?1 AND (bytes IS NOT NULL OR pack IS NOT NULL)",
    )?;
    let row = statement.query_row([hash.as_bytes()], |row| {
        let place = match row.get::<_, Option<Vec<u8>>>(0)? {
            Some(bytes) => Place::Inline(bytes),
            None => Place::Packed(Spot {
                pack: row.get::<_, i64>(1)?.cast_unsigned(),
                at: row.get::<_, i64>(2)?.cast_unsigned(),
                length: row.get(3)?,
            }),
        };
        Ok(Row { place, size: row.get(4)?, packed: row.get(5)? })
    });
    Ok(row.optional()?)
}

pub(super) fn refer(tx: &Tx, hash: Hash) -> Result<(), Error> {
    tx.prepare_cached("UPDATE chunk SET refs = refs + 1 WHERE hash = ?1")?
        .execute([hash.as_bytes()])?;
    Ok(())
}

pub(super) fn put_inline(
    tx: &Tx,
    hash: Hash,
    bytes: &[u8],
    size: u32,
    packed: bool,
) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO chunk (hash, bytes, stored, size, packed, refs) VALUES (?1, ?2, ?3, ?4, ?5, 1)
         ON CONFLICT (hash) DO UPDATE SET refs = refs + 1, bytes = excluded.bytes, pack = NULL,
             at = NULL, stored = excluded.stored, packed = excluded.packed",
    )?
    .execute(params![
        hash.as_bytes(),
        bytes,
        bytes.len().cast_signed() as i64,
        size,
        packed
    ])?;
    Ok(())
}

pub(super) fn put_packed(
    tx: &Tx,
    hash: Hash,
    spot: Spot,
    size: u32,
    packed: bool,
) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO chunk (hash, pack, at, stored, size, packed, refs)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
         ON CONFLICT (hash) DO UPDATE SET refs = refs + 1, bytes = NULL, pack = excluded.pack,
             at = excluded.at, stored = excluded.stored, packed = excluded.packed",
    )?
    .execute(params![
        hash.as_bytes(),
        spot.pack.cast_signed(),
        spot.at.cast_signed(),
        spot.length,
        size,
        packed
    ])?;
    Ok(())
}

/// Tells that a chunk lies elsewhere now; false if it is not wanted any more.
pub(super) fn relocate(tx: &Tx, hash: Hash, spot: Spot) -> Result<bool, Error> {
    let moved = tx
        .prepare_cached(
            "UPDATE chunk SET bytes = NULL, pack = ?2, at = ?3 WHERE hash = ?1 AND stored = ?4
             AND (bytes IS NOT NULL OR pack IS NOT NULL)",
        )?
        .execute(params![
            hash.as_bytes(),
            spot.pack.cast_signed(),
            spot.at.cast_signed(),
            spot.length
        ])?;
    Ok(moved > 0)
}

/// The bytes of a chunk are lost or wrong.
pub(super) fn empty(tx: &Tx, hash: Hash) -> Result<(), Error> {
    tx.prepare_cached("UPDATE chunk SET bytes = NULL, pack = NULL, at = NULL WHERE hash = ?1")?
        .execute([hash.as_bytes()])?;
    Ok(())
}

/// The bytes of a chunk that were lost are there again.
pub(super) fn refill_inline(tx: &Tx, hash: Hash, bytes: &[u8], packed: bool) -> Result<(), Error> {
    tx.prepare_cached("UPDATE chunk SET bytes = ?2, stored = ?3, packed = ?4 WHERE hash = ?1")?
        .execute(params![hash.as_bytes(), bytes, bytes.len().cast_signed() as i64, packed])?;
    Ok(())
}

pub(super) fn refill_packed(tx: &Tx, hash: Hash, spot: Spot, packed: bool) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE chunk SET pack = ?2, at = ?3, stored = ?4, packed = ?5 WHERE hash = ?1",
    )?
    .execute(params![
        hash.as_bytes(),
        spot.pack.cast_signed(),
        spot.at.cast_signed(),
        spot.length,
        packed
    ])?;
    Ok(())
}

pub(super) fn after(view: &View, row: i64, limit: u32) -> Result<Vec<(i64, Hash, u32)>, Error> {
    let mut statement = view
        .prepare_cached("SELECT row, hash, size FROM chunk WHERE row > ?1 ORDER BY row LIMIT ?2")?;
    let rows = statement.query_map(params![row, limit], |row| {
        Ok((row.get(0)?, Hash::from_bytes(row.get(1)?), row.get(2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Every list is looked through: it is asked for seldom.
pub(super) fn contents_with(view: &View, chunk: Hash) -> Result<Vec<Hash>, Error> {
    let mut statement =
        view.prepare_cached("SELECT hash FROM chunk_content WHERE instr(chunks, ?1) > 0")?;
    let rows = statement.query_map([chunk.as_bytes()], |row| Ok(Hash::from_bytes(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Chunks that stand in the database itself.
pub(super) fn inline(view: &View, limit: u32) -> Result<Vec<Stored<Vec<u8>>>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT hash, bytes, size, packed FROM chunk WHERE bytes IS NOT NULL ORDER BY row LIMIT ?1",
    )?;
    let rows = statement.query_map([limit], |row| {
        Ok((Hash::from_bytes(row.get(0)?), row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many stored bytes of a pack are wanted.
pub(super) fn wanted_of(view: &View, pack: u64) -> Result<u64, Error> {
    let mut statement =
        view.prepare_cached("SELECT coalesce(sum(stored), 0) FROM chunk WHERE pack = ?1")?;
    let bytes: i64 = statement.query_row([pack.cast_signed()], |row| row.get(0))?;
    Ok(bytes.cast_unsigned())
}

/// The chunks of a pack in their order.
pub(super) fn in_pack(view: &View, pack: u64) -> Result<Vec<Stored<Spot>>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT hash, at, stored, size, packed FROM chunk WHERE pack = ?1 ORDER BY at",
    )?;
    let rows = statement.query_map([pack.cast_signed()], |row| {
        let spot = Spot { pack, at: row.get::<_, i64>(1)?.cast_unsigned(), length: row.get(2)? };
        Ok((Hash::from_bytes(row.get(0)?), spot, row.get(3)?, row.get(4)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn has_content(view: &View, hash: Hash) -> Result<bool, Error> {
    Ok(view
        .prepare_cached("SELECT 1 FROM chunk_content WHERE hash = ?1")?
        .exists([hash.as_bytes()])?)
}

/// Hash and size of each chunk of a content.
pub(super) fn content(view: &View, hash: Hash) -> Result<Option<Vec<(Hash, u32)>>, Error> {
    let list: Option<Vec<u8>> = view
        .prepare_cached("SELECT chunks FROM chunk_content WHERE hash = ?1")?
        .query_row([hash.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(list.map(|list| read_list(&list)))
}

pub(super) fn put_content(
    tx: &Tx,
    hash: Hash,
    size: u64,
    chunks: impl Iterator<Item = (Hash, u32)>,
) -> Result<(), Error> {
    let mut list = Vec::new();
    for (hash, size) in chunks {
        list.extend_from_slice(hash.as_bytes());
        list.extend_from_slice(&size.to_le_bytes());
    }
    tx.prepare_cached("INSERT INTO chunk_content (hash, size, chunks) VALUES (?1, ?2, ?3)")?
        .execute(params![hash.as_bytes(), size.cast_signed(), list])?;
    Ok(())
}

pub(super) fn drop_content(tx: &Tx, hash: Hash) -> Result<(), Error> {
    let Some(chunks) = content(tx, hash)? else { return Ok(()) };
    let mut release = tx.prepare_cached("UPDATE chunk SET refs = refs - 1 WHERE hash = ?1")?;
    let mut remove = tx.prepare_cached("DELETE FROM chunk WHERE hash = ?1 AND refs <= 0")?;
    for (chunk, _) in chunks {
        release.execute([chunk.as_bytes()])?;
        remove.execute([chunk.as_bytes()])?;
    }
    tx.prepare_cached("DELETE FROM chunk_content WHERE hash = ?1")?.execute([hash.as_bytes()])?;
    Ok(())
}

fn read_list(list: &[u8]) -> Vec<(Hash, u32)> {
    let (entries, _) = list.as_chunks::<ENTRY_BYTES>();
    let read = |entry: &[u8; ENTRY_BYTES]| {
        let (mut hash, mut size) = ([0; 32], [0; 4]);
        hash.copy_from_slice(&entry[..32]);
        size.copy_from_slice(&entry[32..]);
        (Hash::from_bytes(hash), u32::from_le_bytes(size))
    };
    entries.iter().map(read).collect()
}
