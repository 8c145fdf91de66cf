//! Groups of friends, and what is given to them. Whom this hive gave what is kept here, so that
//! a friend who is in a share twice stays in it until both end.

use std::collections::BTreeMap;

use store::{Tx, View};
use types::{GroupId, HiveId, Right, ShareId, Signer, Time};

use crate::{Error, db, membership, name_checked};

/// Friends under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    pub friends: Vec<HiveId>,
    /// What was shared with the group as a whole.
    pub shares: Vec<(ShareId, Right)>,
    pub created_at: Time,
}

/// By name.
pub fn groups(view: &View) -> Result<Vec<Group>, Error> {
    let mut groups = db::groups(view)?;
    groups.sort_by_cached_key(|group| (group.name.to_lowercase(), group.id));
    Ok(groups)
}

pub fn group(view: &View, id: GroupId) -> Result<Group, Error> {
    groups(view)?.into_iter().find(|group| group.id == id).ok_or(Error::Gone("group"))
}

pub fn make_group(tx: &mut Tx, name: &str) -> Result<Group, Error> {
    let name = name_checked(name)?;
    let id = GroupId::draw(tx.chance());
    let created_at = tx.now();
    let group = Group { id, name, friends: Vec::new(), shares: Vec::new(), created_at };
    save(tx, &group)?;
    Ok(group)
}

pub fn rename_group(tx: &Tx, id: GroupId, name: &str) -> Result<Group, Error> {
    let mut group = group(tx, id)?;
    group.name = name_checked(name)?;
    save(tx, &group)?;
    Ok(group)
}

/// Dissolves a group. Who was in a share through it alone loses the share.
pub fn remove_group(tx: &Tx, signer: &dyn Signer, id: GroupId) -> Result<(), Error> {
    let group = group(tx, id)?;
    db::remove_group(tx, id)?;
    tx.announce("group", &id.to_string(), None)?;
    for (share, _) in group.shares {
        for hive in &group.friends {
            settle(tx, signer, share, *hive)?;
        }
    }
    Ok(())
}

/// Puts a friend into a group, with all that the group was given.
pub fn add_to_group(
    tx: &Tx,
    signer: &dyn Signer,
    id: GroupId,
    hive: HiveId,
) -> Result<Group, Error> {
    let group = group(tx, id)?;
    crate::friend(tx, hive)?;
    db::add_to_group(tx, id, hive)?;
    changed_friends(tx, signer, &group, hive)
}

pub fn take_from_group(
    tx: &Tx,
    signer: &dyn Signer,
    id: GroupId,
    hive: HiveId,
) -> Result<Group, Error> {
    let group = group(tx, id)?;
    db::take_from_group(tx, id, hive)?;
    changed_friends(tx, signer, &group, hive)
}

fn changed_friends(
    tx: &Tx,
    signer: &dyn Signer,
    group: &Group,
    hive: HiveId,
) -> Result<Group, Error> {
    for (share, _) in &group.shares {
        settle(tx, signer, *share, hive)?;
    }
    tx.announce("group", &group.id.to_string(), None)?;
    self::group(tx, group.id)
}

/// Shares with one friend. The share must have a charter.
pub fn share_with(
    tx: &Tx,
    signer: &dyn Signer,
    share: ShareId,
    hive: HiveId,
    right: Right,
) -> Result<(), Error> {
    let is_member = membership::members(tx, share)?.contains_key(&hive);
    if !is_member {
        crate::friend(tx, hive)?;
    }
    db::save_grant(tx, share, hive, right)?;
    match wanted(tx, share, hive)? {
        // A group may give them more.
        Some(right) => membership::give(tx, signer, share, hive, right),
        None => Ok(()),
    }
}

/// Takes a share away from one friend. Who has it through a group must leave that first.
pub fn unshare_with(
    tx: &Tx,
    signer: &dyn Signer,
    share: ShareId,
    hive: HiveId,
) -> Result<(), Error> {
    db::remove_grant(tx, share, hive)?;
    let through = groups(tx)?.into_iter().find(|group| {
        group.friends.contains(&hive) && group.shares.iter().any(|(given, _)| *given == share)
    });
    if let Some(group) = through {
        return Err(Error::Refused(format!(
            "They have this share as one of the group {}. Take them out of the group, or stop \
             sharing with the group.",
            group.name
        )));
    }
    membership::expel(tx, signer, share, hive)
}

/// Shares with all of a group, also with those who come to it later.
pub fn share_with_group(
    tx: &Tx,
    signer: &dyn Signer,
    share: ShareId,
    id: GroupId,
    right: Right,
) -> Result<(), Error> {
    let group = group(tx, id)?;
    db::save_group_grant(tx, share, id, right)?;
    tx.announce("group", &id.to_string(), Some(share))?;
    group.friends.iter().try_for_each(|hive| settle(tx, signer, share, *hive))
}

pub fn unshare_with_group(
    tx: &Tx,
    signer: &dyn Signer,
    share: ShareId,
    id: GroupId,
) -> Result<(), Error> {
    let group = group(tx, id)?;
    db::remove_group_grant(tx, share, id)?;
    tx.announce("group", &id.to_string(), Some(share))?;
    group.friends.iter().try_for_each(|hive| settle(tx, signer, share, *hive))
}

/// Forgets everything about a share that is not shared from here any more.
pub fn forget_share(tx: &Tx, share: ShareId) -> Result<(), Error> {
    db::forget_share(tx, share)?;
    store::remove_records(tx, share)?;
    tx.announce("offer", &share.to_string(), Some(share))?;
    Ok(())
}

/// Brings what a friend may do in a share in line with what they were given, alone and in groups.
fn settle(tx: &Tx, signer: &dyn Signer, share: ShareId, hive: HiveId) -> Result<(), Error> {
    match wanted(tx, share, hive)? {
        Some(right) => membership::give(tx, signer, share, hive, right),
        None => match membership::member_right(tx, share, hive)? {
            Some(_) => membership::expel(tx, signer, share, hive),
            None => Ok(()),
        },
    }
}

/// The highest right that this hive gave to a friend.
fn wanted(view: &View, share: ShareId, hive: HiveId) -> Result<Option<Right>, Error> {
    let alone = db::grant(view, share, hive)?;
    let groups = db::groups(view)?;
    let with_them = groups.iter().filter(|group| group.friends.contains(&hive));
    let given: BTreeMap<GroupId, Right> = with_them
        .flat_map(|group| group.shares.iter().map(move |(share, right)| (group.id, *share, *right)))
        .filter(|(_, given, _)| *given == share)
        .map(|(id, _, right)| (id, right))
        .collect();
    Ok(given.into_values().chain(alone).max())
}

fn save(tx: &Tx, group: &Group) -> Result<(), Error> {
    db::save_group(tx, group)?;
    Ok(tx.announce("group", &group.id.to_string(), None)?)
}
