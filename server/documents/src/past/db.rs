//! All SQL of moments and strokes.

use store::sql::{OptionalExtension, params};
use store::{Tx, View};
use types::{FileId, Hash, PersonId, Time};

use super::{Author, Head, How, News, Rows, Stroke, thin};

pub(crate) fn newest(view: &View, file: FileId) -> Result<Option<(i64, Time)>, store::Error> {
    let found = view
        .prepare_cached(
            "SELECT number, at FROM documents_moment WHERE file = ?1 ORDER BY number DESC LIMIT 1",
        )?
        .query_row([file.as_bytes()], |row| Ok((row.get(0)?, Time(row.get(1)?))));
    Ok(found.optional()?)
}

pub(crate) fn save(tx: &Tx, file: FileId, rows: &[Rows]) -> Result<(), store::Error> {
    for Rows { head, strokes } in rows {
        save_head(tx, file, head)?;
        for (part, stroke) in strokes {
            save_stroke(tx, file, head.number, *part, stroke)?;
        }
    }
    Ok(())
}

/// The moments of a document, oldest first.
pub(crate) fn heads(view: &View, file: FileId) -> Result<Vec<Head>, store::Error> {
    let mut statement = view.prepare_cached(
        "SELECT number, began, at, content, label FROM documents_moment WHERE file = ?1
         ORDER BY number",
    )?;
    let heads = statement.query_map([file.as_bytes()], |row| {
        Ok(Head {
            number: row.get(0)?,
            began: Time(row.get(1)?),
            at: Time(row.get(2)?),
            content: row.get::<_, Option<[u8; 32]>>(3)?.map(Hash::from_bytes),
            label: row.get(4)?,
        })
    })?;
    Ok(heads.collect::<Result<_, _>>()?)
}

/// The strokes of the moments with these numbers, in order, each with its moment's number.
pub(crate) fn strokes(
    view: &View,
    file: FileId,
    (first, last): (i64, i64),
) -> Result<Vec<(i64, Stroke)>, store::Error> {
    let mut statement = view.prepare_cached(
        "SELECT moment, person, name, how, source, body FROM documents_stroke
         WHERE file = ?1 AND moment BETWEEN ?2 AND ?3 ORDER BY moment, part",
    )?;
    let mut rows = statement.query(params![file.as_bytes(), first, last])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let moment: i64 = row.get(0)?;
        let how = match row.get_ref(3)?.as_str().unwrap_or_default() {
            "saved" => How::Saved,
            "hive" => How::Hive,
            _ => How::Typed,
        };
        let author = Author {
            person: row.get::<_, Option<[u8; 16]>>(1)?.map(PersonId::from_bytes),
            name: row.get(2)?,
            how,
            source: row.get::<_, Option<[u8; 32]>>(4)?.map(Hash::from_bytes),
        };
        let body: Vec<u8> = row.get(5)?;
        let news = News::decode(&body).map_err(|_| {
            store::Error::Damaged(format!("a stroke of moment {moment} of document {file}"))
        })?;
        found.push((moment, Stroke { author, news }));
    }
    Ok(found)
}

/// Names the moment that ended then, or takes its name away. False if there is none.
pub(crate) fn name(
    tx: &Tx,
    file: FileId,
    at: Time,
    label: Option<&str>,
) -> Result<bool, store::Error> {
    let known = tx
        .prepare_cached("UPDATE documents_moment SET label = ?3 WHERE file = ?1 AND at = ?2")?
        .execute(params![file.as_bytes(), at.0, label])?;
    Ok(known > 0)
}

/// Makes many old moments into fewer.
pub(crate) fn thin(tx: &Tx, file: FileId) -> Result<(), store::Error> {
    let heads = heads(tx, file)?;
    for places in thin::together(&heads, tx.now()) {
        let [first, .., last] = &heads[places] else { continue };
        let strokes = strokes(tx, file, (first.number, last.number))?;
        let strokes = thin::merged(strokes.into_iter().map(|(_, stroke)| stroke));
        tx.prepare_cached(
            "DELETE FROM documents_moment WHERE file = ?1 AND number BETWEEN ?2 AND ?3",
        )?
        .execute(params![file.as_bytes(), first.number, last.number])?;
        let head = Head { began: first.began, ..last.clone() };
        save(tx, file, &[Rows { head, strokes: strokes.into_iter().enumerate().collect() }])?;
        if last.label.is_some() {
            name(tx, file, last.at, last.label.as_deref())?;
        }
    }
    Ok(())
}

fn save_head(tx: &Tx, file: FileId, head: &Head) -> Result<(), store::Error> {
    tx.prepare_cached(
        "INSERT INTO documents_moment (file, number, began, at, content)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (file, number) DO UPDATE SET at = excluded.at, content = excluded.content",
    )?
    .execute(params![
        file.as_bytes(),
        head.number,
        head.began.0,
        head.at.0,
        head.content.as_ref().map(Hash::as_bytes)
    ])?;
    Ok(())
}

fn save_stroke(
    tx: &Tx,
    file: FileId,
    moment: i64,
    part: usize,
    Stroke { author, news }: &Stroke,
) -> Result<(), store::Error> {
    let how = match author.how {
        How::Typed => "typed",
        How::Saved => "saved",
        How::Hive => "hive",
    };
    let (added, removed) = news.units();
    tx.prepare_cached(
        "INSERT OR REPLACE INTO documents_stroke
         (file, moment, part, person, name, how, source, added, removed, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        file.as_bytes(),
        moment,
        part as i64,
        author.person.as_ref().map(PersonId::as_bytes),
        author.name,
        how,
        author.source.as_ref().map(Hash::as_bytes),
        added.cast_signed(),
        removed.cast_signed(),
        news.encode()
    ])?;
    Ok(())
}
