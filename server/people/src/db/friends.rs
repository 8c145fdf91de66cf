//! All SQL of friends, groups, invitations, offers and members.

use std::collections::BTreeMap;

use store::sql::{OptionalExtension, Row, params};
use store::{Tx, View};
use types::{GroupId, HiveId, InvitationId, Right, ShareId, Time};

use super::{SqlResult, parsed};
use crate::Error;
use crate::farewell::Farewell;
use crate::friend::{Friend, Pause};
use crate::group::Group;
use crate::invitation::Invitation;
use crate::limits::Limits;
use crate::member::{Membership, Standing};
use crate::offer::OfferedFolder;
use crate::record::About;

const FRIEND: &str = "hive, name, own_name, hue, device, addresses, last_seen_at, muted, \
                      auto_accept, added_at, paused_at, paused_until, up_kb, down_kb";

pub(crate) fn friend(view: &View, hive: HiveId) -> Result<Option<Friend>, Error> {
    let sql = format!("SELECT {FRIEND} FROM people_friend WHERE hive = ?1");
    let mut statement = view.prepare_cached(&sql)?;
    Ok(statement.query_row([hive.as_bytes()], read_friend).optional()?)
}

pub(crate) fn friends(view: &View) -> Result<Vec<Friend>, Error> {
    let sql = format!("SELECT {FRIEND} FROM people_friend");
    let mut statement = view.prepare_cached(&sql)?;
    Ok(statement.query_map([], read_friend)?.collect::<Result<_, _>>()?)
}

pub(crate) fn save_friend(tx: &Tx, friend: &Friend) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO people_friend (hive, name, own_name, hue, device, addresses, last_seen_at,
             muted, auto_accept, added_at, paused_at, paused_until, up_kb, down_kb)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (hive) DO UPDATE SET name = excluded.name, own_name = excluded.own_name,
             hue = excluded.hue, device = excluded.device, addresses = excluded.addresses,
             last_seen_at = excluded.last_seen_at, muted = excluded.muted,
             auto_accept = excluded.auto_accept, paused_at = excluded.paused_at,
             paused_until = excluded.paused_until, up_kb = excluded.up_kb,
             down_kb = excluded.down_kb",
    )?
    .execute(params![
        friend.hive.as_bytes(),
        friend.given_name,
        friend.own_name,
        friend.hue,
        friend.device,
        friend.addresses.join("\n"),
        friend.last_seen_at.map(|time| time.0),
        friend.muted,
        friend.auto_accept,
        friend.added_at.0,
        friend.paused.map(|pause| pause.since.0),
        friend.paused.and_then(|pause| pause.until).map(|time| time.0),
        friend.limits.up_kb,
        friend.limits.down_kb,
    ])?;
    Ok(())
}

pub(crate) fn remove_friend(tx: &Tx, hive: HiveId) -> Result<(), Error> {
    tx.execute("DELETE FROM people_friend WHERE hive = ?1", [hive.as_bytes()])?;
    Ok(())
}

fn read_friend(row: &Row) -> SqlResult<Friend> {
    let addresses: String = row.get(5)?;
    Ok(Friend {
        hive: HiveId::from_bytes(row.get(0)?),
        given_name: row.get(1)?,
        own_name: row.get(2)?,
        hue: row.get(3)?,
        device: row.get(4)?,
        addresses: addresses.lines().map(str::to_owned).collect(),
        last_seen_at: row.get::<_, Option<i64>>(6)?.map(Time),
        muted: row.get(7)?,
        auto_accept: row.get(8)?,
        added_at: Time(row.get(9)?),
        paused: read_pause(row, 10)?,
        limits: Limits { up_kb: row.get(12)?, down_kb: row.get(13)? },
    })
}

fn read_pause(row: &Row, at: usize) -> SqlResult<Option<Pause>> {
    let Some(since) = row.get::<_, Option<i64>>(at)? else { return Ok(None) };
    let until = row.get::<_, Option<i64>>(at + 1)?.map(Time);
    Ok(Some(Pause { since: Time(since), until }))
}

pub(crate) fn share_pause(view: &View, share: ShareId) -> Result<Option<Pause>, Error> {
    let sql = "SELECT paused_at, paused_until FROM people_share_pause WHERE share = ?1";
    let mut statement = view.prepare_cached(sql)?;
    let pause = statement.query_row([share.as_bytes()], |row| read_pause(row, 0)).optional()?;
    Ok(pause.flatten())
}

pub(crate) fn save_share_pause(tx: &Tx, share: ShareId, pause: Option<Pause>) -> Result<(), Error> {
    tx.execute("DELETE FROM people_share_pause WHERE share = ?1", [share.as_bytes()])?;
    if let Some(Pause { since, until }) = pause {
        tx.execute(
            "INSERT INTO people_share_pause (share, paused_at, paused_until) VALUES (?1, ?2, ?3)",
            params![share.as_bytes(), since.0, until.map(|time| time.0)],
        )?;
    }
    Ok(())
}

pub(crate) fn next_pause_end(view: &View) -> Result<Option<Time>, Error> {
    let sql = "SELECT min(paused_until) FROM (
                   SELECT paused_until FROM people_friend UNION ALL
                   SELECT paused_until FROM people_share_pause) WHERE paused_until > ?1";
    let end: Option<i64> = view.query_row(sql, [view.now().0], |row| row.get(0))?;
    Ok(end.map(Time))
}

pub(crate) fn groups(view: &View) -> Result<Vec<Group>, Error> {
    let mut statement = view.prepare_cached("SELECT id, name, created_at FROM people_group")?;
    let rows = statement.query_map([], |row| {
        Ok(Group {
            id: GroupId::from_bytes(row.get(0)?),
            name: row.get(1)?,
            friends: Vec::new(),
            shares: Vec::new(),
            created_at: Time(row.get(2)?),
        })
    })?;
    let mut groups: Vec<Group> = rows.collect::<Result<_, _>>()?;
    for group in &mut groups {
        let id = group.id.as_bytes();
        let sql = "SELECT hive FROM people_group_friend WHERE team = ?1 ORDER BY hive";
        let mut friends = view.prepare_cached(sql)?;
        let hive = |row: &Row| row.get(0).map(HiveId::from_bytes);
        group.friends = friends.query_map([id], hive)?.collect::<Result<_, _>>()?;
        let sql = "SELECT share, right FROM people_group_grant WHERE team = ?1 ORDER BY share";
        let mut shares = view.prepare_cached(sql)?;
        let given = |row: &Row| Ok((ShareId::from_bytes(row.get(0)?), parsed(row, 1)?));
        group.shares = shares.query_map([id], given)?.collect::<Result<_, _>>()?;
    }
    Ok(groups)
}

pub(crate) fn save_group(tx: &Tx, group: &Group) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO people_group (id, name, created_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        params![group.id.as_bytes(), group.name, group.created_at.0],
    )?;
    Ok(())
}

pub(crate) fn remove_group(tx: &Tx, id: GroupId) -> Result<(), Error> {
    tx.execute("DELETE FROM people_group WHERE id = ?1", [id.as_bytes()])?;
    Ok(())
}

pub(crate) fn add_to_group(tx: &Tx, id: GroupId, hive: HiveId) -> Result<(), Error> {
    tx.execute(
        "INSERT OR IGNORE INTO people_group_friend (team, hive) VALUES (?1, ?2)",
        params![id.as_bytes(), hive.as_bytes()],
    )?;
    Ok(())
}

pub(crate) fn take_from_group(tx: &Tx, id: GroupId, hive: HiveId) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM people_group_friend WHERE team = ?1 AND hive = ?2",
        params![id.as_bytes(), hive.as_bytes()],
    )?;
    Ok(())
}

pub(crate) fn save_group_grant(
    tx: &Tx,
    share: ShareId,
    id: GroupId,
    right: Right,
) -> Result<(), Error> {
    tx.execute(
        "INSERT OR REPLACE INTO people_group_grant (share, team, right) VALUES (?1, ?2, ?3)",
        params![share.as_bytes(), id.as_bytes(), right.as_str()],
    )?;
    Ok(())
}

pub(crate) fn remove_group_grant(tx: &Tx, share: ShareId, id: GroupId) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM people_group_grant WHERE share = ?1 AND team = ?2",
        params![share.as_bytes(), id.as_bytes()],
    )?;
    Ok(())
}

pub(crate) fn grant(view: &View, share: ShareId, hive: HiveId) -> Result<Option<Right>, Error> {
    let sql = "SELECT right FROM people_grant WHERE share = ?1 AND hive = ?2";
    let mut statement = view.prepare_cached(sql)?;
    let keys = params![share.as_bytes(), hive.as_bytes()];
    Ok(statement.query_row(keys, |row| parsed(row, 0)).optional()?)
}

pub(crate) fn save_grant(tx: &Tx, share: ShareId, hive: HiveId, right: Right) -> Result<(), Error> {
    tx.execute(
        "INSERT OR REPLACE INTO people_grant (share, hive, right) VALUES (?1, ?2, ?3)",
        params![share.as_bytes(), hive.as_bytes(), right.as_str()],
    )?;
    Ok(())
}

pub(crate) fn remove_grant(tx: &Tx, share: ShareId, hive: HiveId) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM people_grant WHERE share = ?1 AND hive = ?2",
        params![share.as_bytes(), hive.as_bytes()],
    )?;
    Ok(())
}

pub(crate) fn remove_grants_of(tx: &Tx, hive: HiveId) -> Result<(), Error> {
    tx.execute("DELETE FROM people_grant WHERE hive = ?1", [hive.as_bytes()])?;
    Ok(())
}

pub(crate) fn forget_share(tx: &Tx, share: ShareId) -> Result<(), Error> {
    for table in ["grant", "group_grant", "invitation", "offer", "member", "share_pause"] {
        let sql = format!("DELETE FROM people_{table} WHERE share = ?1");
        tx.execute(&sql, [share.as_bytes()])?;
    }
    Ok(())
}

const INVITATION: &str =
    "id, secret_hash, words, share, right, created_at, expires_at, uses, uses_max, answered_by";

pub(crate) fn invitation(view: &View, id: InvitationId) -> Result<Option<Invitation>, Error> {
    let sql = format!("SELECT {INVITATION} FROM people_invitation WHERE id = ?1");
    let mut statement = view.prepare_cached(&sql)?;
    Ok(statement.query_row([id.as_bytes()], read_invitation).optional()?)
}

pub(crate) fn invitation_by_secret(
    view: &View,
    hash: &[u8; 32],
) -> Result<Option<Invitation>, Error> {
    let sql = format!("SELECT {INVITATION} FROM people_invitation WHERE secret_hash = ?1");
    Ok(view.prepare_cached(&sql)?.query_row([hash], read_invitation).optional()?)
}

pub(crate) fn invitations(view: &View) -> Result<Vec<Invitation>, Error> {
    let sql = format!("SELECT {INVITATION} FROM people_invitation ORDER BY created_at DESC, id");
    let mut statement = view.prepare_cached(&sql)?;
    Ok(statement.query_map([], read_invitation)?.collect::<Result<_, _>>()?)
}

pub(crate) fn save_invitation(tx: &Tx, invitation: &Invitation) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO people_invitation (id, secret_hash, words, share, right, created_at,
             expires_at, uses, uses_max, answered_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (id) DO UPDATE SET uses = excluded.uses, answered_by = excluded.answered_by",
        params![
            invitation.id.as_bytes(),
            invitation.secret_hash,
            invitation.words,
            invitation.share.map(|(share, _)| *share.as_bytes()),
            invitation.share.map(|(_, right)| right.as_str()),
            invitation.created_at.0,
            invitation.expires_at.0,
            invitation.uses,
            invitation.uses_max,
            invitation.answered_by.map(|hive| *hive.as_bytes()),
        ],
    )?;
    Ok(())
}

pub(crate) fn remove_invitation(tx: &Tx, id: InvitationId) -> Result<(), Error> {
    tx.execute("DELETE FROM people_invitation WHERE id = ?1", [id.as_bytes()])?;
    Ok(())
}

pub(crate) fn remove_old_invitations(tx: &Tx, before: Time) -> Result<(), Error> {
    tx.execute("DELETE FROM people_invitation WHERE expires_at < ?1", [before.0])?;
    Ok(())
}

fn read_invitation(row: &Row) -> SqlResult<Invitation> {
    let share = row.get::<_, Option<[u8; 16]>>(3)?.map(ShareId::from_bytes);
    Ok(Invitation {
        id: InvitationId::from_bytes(row.get(0)?),
        secret_hash: row.get(1)?,
        words: row.get(2)?,
        share: share
            .map(|share| Ok::<_, store::sql::Error>((share, parsed(row, 4)?)))
            .transpose()?,
        created_at: Time(row.get(5)?),
        expires_at: Time(row.get(6)?),
        uses: row.get(7)?,
        uses_max: row.get(8)?,
        answered_by: row.get::<_, Option<[u8; 32]>>(9)?.map(HiveId::from_bytes),
    })
}

/// An offer as it is kept; the rest stands in the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferRow {
    pub(crate) share: ShareId,
    pub(crate) from: HiveId,
    pub(crate) right: Right,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) folders: Vec<OfferedFolder>,
    pub(crate) at: Time,
    pub(crate) declined: bool,
}

/// Newest first.
pub(crate) fn offers(view: &View) -> Result<Vec<OfferRow>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT share, hive, right, files, bytes, at, declined, folders FROM people_offer
         ORDER BY at DESC, share",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(OfferRow {
            share: ShareId::from_bytes(row.get(0)?),
            from: HiveId::from_bytes(row.get(1)?),
            right: parsed(row, 2)?,
            files: row.get::<_, i64>(3)?.cast_unsigned(),
            bytes: row.get::<_, i64>(4)?.cast_unsigned(),
            folders: postcard::from_bytes(&row.get::<_, Vec<u8>>(7)?).unwrap_or_default(),
            at: Time(row.get(5)?),
            declined: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn offer_exists(view: &View, share: ShareId) -> Result<bool, Error> {
    Ok(offers(view)?.iter().any(|row| row.share == share))
}

pub(crate) fn save_offer(tx: &Tx, row: &OfferRow) -> Result<(), Error> {
    tx.execute(
        "INSERT OR REPLACE INTO people_offer
             (share, hive, right, files, bytes, at, declined, folders)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            row.share.as_bytes(),
            row.from.as_bytes(),
            row.right.as_str(),
            row.files.cast_signed(),
            row.bytes.cast_signed(),
            row.at.0,
            row.declined,
            postcard::to_stdvec(&row.folders).unwrap_or_default(),
        ],
    )?;
    Ok(())
}

pub(crate) fn decline_offer(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute("UPDATE people_offer SET declined = 1 WHERE share = ?1", [share.as_bytes()])?;
    Ok(())
}

pub(crate) fn remove_offer(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute("DELETE FROM people_offer WHERE share = ?1", [share.as_bytes()])?;
    Ok(())
}

pub(crate) fn farewells(view: &View, to: HiveId) -> Result<Vec<Farewell>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT share, about, word FROM people_farewell WHERE hive = ?1 ORDER BY at, share",
    )?;
    let rows = statement.query_map([to.as_bytes()], |row| {
        let share = ShareId::from_bytes(row.get(0)?);
        Ok(Farewell { share, about: HiveId::from_bytes(row.get(1)?), word: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn save_farewell(tx: &Tx, to: HiveId, farewell: &Farewell) -> Result<(), Error> {
    tx.execute(
        "INSERT OR REPLACE INTO people_farewell (share, hive, about, word, at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            farewell.share.as_bytes(),
            to.as_bytes(),
            farewell.about.as_bytes(),
            farewell.word,
            tx.now().0
        ],
    )?;
    Ok(())
}

pub(crate) fn forget_old_farewells(tx: &Tx, before: Time) -> Result<(), Error> {
    tx.execute("DELETE FROM people_farewell WHERE at < ?1", [before.0])?;
    Ok(())
}

pub(crate) fn forget_farewells_to(tx: &Tx, hive: HiveId) -> Result<(), Error> {
    tx.execute("DELETE FROM people_farewell WHERE hive = ?1", [hive.as_bytes()])?;
    Ok(())
}

/// The share is here again.
pub(crate) fn forget_farewells_of(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute("DELETE FROM people_farewell WHERE share = ?1", [share.as_bytes()])?;
    Ok(())
}

const STANDING: &str = "state, right, had, name, hue, device, upto";

pub(crate) fn members(view: &View, share: ShareId) -> Result<BTreeMap<HiveId, Standing>, Error> {
    let sql = format!("SELECT {STANDING}, hive FROM people_member WHERE share = ?1");
    let mut statement = view.prepare_cached(&sql)?;
    let rows = statement.query_map([share.as_bytes()], |row| {
        Ok((HiveId::from_bytes(row.get(7)?), read_standing(row)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn member(view: &View, share: ShareId, hive: HiveId) -> Result<Option<Standing>, Error> {
    let sql = format!("SELECT {STANDING} FROM people_member WHERE share = ?1 AND hive = ?2");
    let mut statement = view.prepare_cached(&sql)?;
    let keys = params![share.as_bytes(), hive.as_bytes()];
    Ok(statement.query_row(keys, read_standing).optional()?)
}

pub(crate) fn shares_of(view: &View, hive: HiveId) -> Result<Vec<(ShareId, Standing)>, Error> {
    let sql = format!("SELECT {STANDING}, share FROM people_member WHERE hive = ?1");
    let mut statement = view.prepare_cached(&sql)?;
    let rows = statement.query_map([hive.as_bytes()], |row| {
        Ok((ShareId::from_bytes(row.get(7)?), read_standing(row)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn save_member(
    tx: &Tx,
    share: ShareId,
    hive: HiveId,
    standing: &Standing,
) -> Result<(), Error> {
    let state = match standing.state {
        Membership::Offered => "offered",
        Membership::Member => "member",
        Membership::Left => "left",
        Membership::Removed => "removed",
    };
    tx.prepare_cached(
        "INSERT OR REPLACE INTO people_member
             (share, hive, state, right, had, name, hue, device, upto)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        share.as_bytes(),
        hive.as_bytes(),
        state,
        standing.right.as_str(),
        standing.had.as_str(),
        standing.about.name,
        standing.about.hue,
        standing.about.device,
        standing.upto.cast_signed(),
    ])?;
    Ok(())
}

pub(crate) fn remove_member(tx: &Tx, share: ShareId, hive: HiveId) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM people_member WHERE share = ?1 AND hive = ?2",
        params![share.as_bytes(), hive.as_bytes()],
    )?;
    Ok(())
}

fn read_standing(row: &Row) -> SqlResult<Standing> {
    let state: String = row.get(0)?;
    Ok(Standing {
        state: match state.as_str() {
            "offered" => Membership::Offered,
            "member" => Membership::Member,
            "left" => Membership::Left,
            _ => Membership::Removed,
        },
        right: parsed(row, 1)?,
        had: parsed(row, 2)?,
        upto: row.get::<_, i64>(6)?.cast_unsigned(),
        about: About { name: row.get(3)?, hue: row.get(4)?, device: row.get(5)? },
    })
}
