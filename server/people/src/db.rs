//! All SQL of people, links, sessions and tokens.

mod friends;

pub(crate) use friends::*;

use store::sql::{OptionalExtension, Row, params, types::Type};
use store::{Tx, View};
use types::{FileId, LinkId, PersonId, SessionId, ShareId, Time, TokenId};

use crate::session::Session;
use crate::{Error, Link, Password, Person, Role, Token, TokenKind};

type SqlResult<T> = Result<T, store::sql::Error>;

const PERSON: &str = "id, role, name, hue, created_at";

pub(crate) fn owner(view: &View) -> Result<Option<Person>, Error> {
    let sql = format!("SELECT {PERSON} FROM people_person WHERE role = 'owner'");
    Ok(view.prepare_cached(&sql)?.query_row([], |row| read_person(row, 0)).optional()?)
}

pub(crate) fn person(view: &View, id: PersonId) -> Result<Option<Person>, Error> {
    let sql = format!("SELECT {PERSON} FROM people_person WHERE id = ?1");
    let mut statement = view.prepare_cached(&sql)?;
    Ok(statement.query_row([id.as_bytes()], |row| read_person(row, 0)).optional()?)
}

pub(crate) fn save_person(tx: &Tx, person: &Person) -> Result<(), Error> {
    let role = match person.role {
        Role::Owner => "owner",
        Role::Guest => "guest",
    };
    tx.prepare_cached(
        "INSERT INTO people_person (id, role, name, hue, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, hue = excluded.hue",
    )?
    .execute(params![
        person.id.as_bytes(),
        role,
        person.name,
        person.hue,
        person.created_at.0
    ])?;
    Ok(())
}

fn read_person(row: &Row, at: usize) -> SqlResult<Person> {
    let role: String = row.get(at + 1)?;
    Ok(Person {
        id: PersonId::from_bytes(row.get(at)?),
        role: if role == "owner" { Role::Owner } else { Role::Guest },
        name: row.get(at + 2)?,
        hue: row.get(at + 3)?,
        created_at: Time(row.get(at + 4)?),
    })
}

const LINK: &str = "id, secret_hash, name, share, file, right, password, expires_at, uses, \
                    uses_max, created_at, used_at, used_from";

pub(crate) fn link(view: &View, id: &LinkId) -> Result<Option<Link>, Error> {
    let sql = format!("SELECT {LINK} FROM people_link WHERE id = ?1");
    Ok(view.prepare_cached(&sql)?.query_row([id.as_str()], read_link).optional()?)
}

pub(crate) fn links(view: &View) -> Result<Vec<Link>, Error> {
    let sql = format!("SELECT {LINK} FROM people_link ORDER BY created_at DESC, id");
    let mut statement = view.prepare_cached(&sql)?;
    Ok(statement.query_map([], read_link)?.collect::<Result<_, _>>()?)
}

pub(crate) fn save_link(tx: &Tx, link: &Link) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO people_link (id, secret_hash, name, share, file, right, password, expires_at,
             uses, uses_max, created_at, used_at, used_from)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, right = excluded.right,
             password = excluded.password, expires_at = excluded.expires_at, uses = excluded.uses,
             uses_max = excluded.uses_max, used_at = excluded.used_at,
             used_from = excluded.used_from",
    )?
    .execute(params![
        link.id.as_str(),
        link.secret_hash,
        link.name,
        link.share.as_bytes(),
        link.file.map(|file| *file.as_bytes()),
        link.right.as_str(),
        link.password.as_ref().map(|password| &password.0),
        link.expires_at.map(|time| time.0),
        link.uses,
        link.uses_max,
        link.created_at.0,
        link.used_at.map(|time| time.0),
        link.used_from,
    ])?;
    Ok(())
}

pub(crate) fn remove_link(tx: &Tx, id: &LinkId) -> Result<(), Error> {
    tx.execute("DELETE FROM people_link WHERE id = ?1", [id.as_str()])?;
    Ok(())
}

pub(crate) fn touch_link(tx: &Tx, id: &LinkId, from: &str, before: Time) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE people_link SET used_at = ?2, used_from = ?3 WHERE id = ?1 AND used_at < ?4",
    )?
    .execute(params![id.as_str(), tx.now().0, from, before.0])?;
    Ok(())
}

fn read_link(row: &Row) -> SqlResult<Link> {
    Ok(Link {
        id: parsed(row, 0)?,
        secret_hash: row.get(1)?,
        name: row.get(2)?,
        share: ShareId::from_bytes(row.get(3)?),
        file: row.get::<_, Option<[u8; 16]>>(4)?.map(FileId::from_bytes),
        right: parsed(row, 5)?,
        password: row.get::<_, Option<String>>(6)?.map(Password),
        expires_at: row.get::<_, Option<i64>>(7)?.map(Time),
        uses: row.get(8)?,
        uses_max: row.get(9)?,
        created_at: Time(row.get(10)?),
        used_at: row.get::<_, Option<i64>>(11)?.map(Time),
        used_from: row.get(12)?,
    })
}

const SESSION: &str = "SELECT s.id, s.secret_hash, s.link, s.agent, s.created_at, s.used_at,
        s.used_from, p.id, p.role, p.name, p.hue, p.created_at
    FROM people_session s JOIN people_person p ON p.id = s.person";

pub(crate) fn session_by_secret(view: &View, hash: &[u8; 32]) -> Result<Option<Session>, Error> {
    let sql = format!("{SESSION} WHERE s.secret_hash = ?1");
    Ok(view.prepare_cached(&sql)?.query_row([hash], read_session).optional()?)
}

pub(crate) fn sessions(view: &View) -> Result<Vec<Session>, Error> {
    let sql = format!("{SESSION} ORDER BY s.link IS NOT NULL, s.created_at DESC, s.id");
    let mut statement = view.prepare_cached(&sql)?;
    Ok(statement.query_map([], read_session)?.collect::<Result<_, _>>()?)
}

pub(crate) fn save_session(tx: &Tx, session: &Session) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO people_session
             (id, secret_hash, person, link, agent, created_at, used_at, used_from)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        session.id.as_bytes(),
        session.secret_hash,
        session.person.id.as_bytes(),
        session.link.as_ref().map(LinkId::as_str),
        session.agent,
        session.created_at.0,
        session.used_at.0,
        session.used_from,
    ])?;
    Ok(())
}

pub(crate) fn touch_session(tx: &Tx, id: SessionId, from: &str, before: Time) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE people_session SET used_at = ?2, used_from = ?3 WHERE id = ?1 AND used_at < ?4",
    )?
    .execute(params![id.as_bytes(), tx.now().0, from, before.0])?;
    Ok(())
}

pub(crate) fn remove_session(tx: &Tx, id: SessionId) -> Result<(), Error> {
    match tx.execute("DELETE FROM people_session WHERE id = ?1", [id.as_bytes()])? {
        0 => Err(Error::Gone("browser")),
        _ => Ok(()),
    }
}

fn read_session(row: &Row) -> SqlResult<Session> {
    Ok(Session {
        id: SessionId::from_bytes(row.get(0)?),
        secret_hash: row.get(1)?,
        link: match row.get::<_, Option<String>>(2)? {
            Some(_) => Some(parsed(row, 2)?),
            None => None,
        },
        agent: row.get(3)?,
        created_at: Time(row.get(4)?),
        used_at: Time(row.get(5)?),
        used_from: row.get(6)?,
        person: read_person(row, 7)?,
    })
}

const TOKEN: &str = "id, kind, secret_hash, name, right, share, file, link, session, expires_at, \
                     created_at, used_at, used_from";

pub(crate) fn token_by_secret(view: &View, hash: &[u8; 32]) -> Result<Option<Token>, Error> {
    let sql = format!("SELECT {TOKEN} FROM people_token WHERE secret_hash = ?1");
    Ok(view.prepare_cached(&sql)?.query_row([hash], read_token).optional()?)
}

pub(crate) fn tokens(view: &View) -> Result<Vec<Token>, Error> {
    let sql = format!("SELECT {TOKEN} FROM people_token ORDER BY created_at DESC, id");
    let mut statement = view.prepare_cached(&sql)?;
    Ok(statement.query_map([], read_token)?.collect::<Result<_, _>>()?)
}

pub(crate) fn save_token(tx: &Tx, token: &Token) -> Result<(), Error> {
    let kind = match token.kind {
        TokenKind::SignIn => "sign_in",
        TokenKind::Api => "api",
        TokenKind::Document => "document",
    };
    tx.prepare_cached(
        "INSERT INTO people_token (id, kind, secret_hash, name, right, share, file, link, session,
             expires_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        token.id.as_bytes(),
        kind,
        token.secret_hash,
        token.name,
        token.right.as_str(),
        token.share.map(|share| *share.as_bytes()),
        token.file.map(|file| *file.as_bytes()),
        token.link.as_ref().map(LinkId::as_str),
        token.session.map(|session| *session.as_bytes()),
        token.expires_at.map(|time| time.0),
        token.created_at.0,
    ])?;
    Ok(())
}

pub(crate) fn touch_token(tx: &Tx, id: TokenId, from: &str, before: Time) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE people_token SET used_at = ?2, used_from = ?3
         WHERE id = ?1 AND (used_at IS NULL OR used_at < ?4)",
    )?
    .execute(params![id.as_bytes(), tx.now().0, from, before.0])?;
    Ok(())
}

pub(crate) fn remove_token(tx: &Tx, id: TokenId) -> Result<(), Error> {
    match tx.execute("DELETE FROM people_token WHERE id = ?1", [id.as_bytes()])? {
        0 => Err(Error::Gone("token")),
        _ => Ok(()),
    }
}

pub(crate) fn remove_tokens_of_share(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute("DELETE FROM people_token WHERE share = ?1", [share.as_bytes()])?;
    Ok(())
}

pub(crate) fn remove_document_tokens(tx: &Tx) -> Result<(), Error> {
    tx.execute("DELETE FROM people_token WHERE kind = 'document'", [])?;
    Ok(())
}

pub(crate) fn remove_expired_tokens(tx: &Tx) -> Result<(), Error> {
    tx.execute("DELETE FROM people_token WHERE expires_at <= ?1", [tx.now().0])?;
    Ok(())
}

fn read_token(row: &Row) -> SqlResult<Token> {
    let kind: String = row.get(1)?;
    Ok(Token {
        id: TokenId::from_bytes(row.get(0)?),
        kind: match kind.as_str() {
            "sign_in" => TokenKind::SignIn,
            "api" => TokenKind::Api,
            _ => TokenKind::Document,
        },
        secret_hash: row.get(2)?,
        name: row.get(3)?,
        right: parsed(row, 4)?,
        share: row.get::<_, Option<[u8; 16]>>(5)?.map(ShareId::from_bytes),
        file: row.get::<_, Option<[u8; 16]>>(6)?.map(FileId::from_bytes),
        link: match row.get::<_, Option<String>>(7)? {
            Some(_) => Some(parsed(row, 7)?),
            None => None,
        },
        session: row.get::<_, Option<[u8; 16]>>(8)?.map(SessionId::from_bytes),
        expires_at: row.get::<_, Option<i64>>(9)?.map(Time),
        created_at: Time(row.get(10)?),
        used_at: row.get::<_, Option<i64>>(11)?.map(Time),
        used_from: row.get(12)?,
    })
}

/// Reads a text column as one of our words; a word that is none means a damaged row.
fn parsed<T>(row: &Row, at: usize) -> SqlResult<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(at)?;
    text.parse().map_err(|error| {
        store::sql::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error))
    })
}
