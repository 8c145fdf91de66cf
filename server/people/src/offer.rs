//! Shares that friends hold out to this hive, and what this hive holds out to them.

use serde::{Deserialize, Serialize};
use store::{Kind, Tx, View};
use types::{HiveId, Right, ShareId, Signer, Time};

use crate::member::Membership;
use crate::person::is_shown;
use crate::record::Charter;
use crate::{Error, db, membership};

/// How many offers of one friend may wait.
const OFFERS_MAX: usize = 100;
/// How many records about members come with an offer: the own one, and those of who may give.
const RECORDS_MAX: usize = 64;
/// How many folders an offer names.
pub const FOLDERS_MAX: usize = 256;

/// A share that a friend holds out, not taken up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub share: ShareId,
    pub name: String,
    pub of_file: bool,
    pub from: HiveId,
    pub right: Right,
    pub files: u64,
    pub bytes: u64,
    /// The folders in its root.
    pub folders: Vec<OfferedFolder>,
    pub at: Time,
    pub declined: bool,
}

/// One folder in the root of what is held out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedFolder {
    pub name: String,
    pub bytes: u64,
}

/// What one hive tells another to hold a share out to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub share: ShareId,
    /// The body of the share's record.
    pub charter: Vec<u8>,
    /// Records of members, by hive: of the invited, and of those whose words count for it.
    pub members: Vec<(HiveId, Vec<u8>)>,
    pub files: u64,
    pub bytes: u64,
    pub folders: Vec<OfferedFolder>,
}

impl Proposal {
    pub fn body(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    pub fn read(body: &[u8]) -> Result<Self, Error> {
        let bad = |_| Error::BadRecord("an offer of a friend's hive is unreadable".to_owned());
        postcard::from_bytes(body).map_err(bad)
    }
}

/// What waits for a word of the owner, newest first. What was declined is left out.
pub fn offers(view: &View) -> Result<Vec<Offer>, Error> {
    let mut offers = Vec::new();
    for row in db::offers(view)?.into_iter().filter(|row| !row.declined) {
        offers.extend(offer_of(view, row)?);
    }
    Ok(offers)
}

pub fn offer(view: &View, share: ShareId) -> Result<Offer, Error> {
    let rows = db::offers(view)?.into_iter();
    let row = rows.filter(|row| row.share == share).find(|row| !row.declined);
    let offer = row.map(|row| offer_of(view, row)).transpose()?.flatten();
    offer.ok_or(Error::Gone("offer"))
}

fn offer_of(view: &View, row: db::OfferRow) -> Result<Option<Offer>, Error> {
    let Some(charter) = membership::charter(view, row.share)? else { return Ok(None) };
    let db::OfferRow { share, from, right, files, bytes, folders, at, declined } = row;
    let Charter { name, of_file, .. } = charter;
    Ok(Some(Offer { share, name, of_file, from, right, files, bytes, folders, at, declined }))
}

/// What is held out to a friend: everything that they may take up and did not yet. Files and bytes
/// are for the caller to fill in.
pub fn proposals(view: &View, to: HiveId) -> Result<Vec<Proposal>, Error> {
    let mut proposals = Vec::new();
    for (share, standing) in membership::shares_of(view, to)? {
        if standing.state != Membership::Offered || db::offer_exists(view, share)? {
            continue;
        }
        let Some(charter) = membership::charter(view, share)? else { continue };
        let (founder, mut members) = (charter.founder(), Vec::new());
        for (hive, standing) in membership::members(view, share)? {
            let speaks = hive == founder || standing.may() == Some(Right::Manage);
            let record = store::record(view, share, Kind::Member as u8, hive.as_bytes())?;
            if let Some(record) = record.filter(|_| speaks || hive == to) {
                members.push((hive, record.body));
            }
        }
        let charter = charter.body();
        let folders = Vec::new();
        proposals.push(Proposal { share, charter, members, files: 0, bytes: 0, folders });
    }
    Ok(proposals)
}

/// Takes in all that a friend holds out at present; what they do not hold out any more goes. A
/// share that `is_here` already and has no charter is never offered: that is not for others to
/// write.
pub fn take_proposals(
    tx: &Tx,
    signer: &dyn Signer,
    from: HiveId,
    proposals: Vec<Proposal>,
    is_here: impl Fn(ShareId) -> bool,
) -> Result<(), Error> {
    crate::friend(tx, from)?;
    let mut held = Vec::new();
    for proposal in proposals.into_iter().take(OFFERS_MAX) {
        let share = proposal.share;
        let known = db::offers(tx)?.into_iter().find(|row| row.share == share);
        let has_charter = membership::charter(tx, share)?.is_some();
        let of_another = known.as_ref().is_some_and(|row| row.from != from);
        if of_another || (is_here(share) && !has_charter) {
            continue;
        }
        if known.is_none() && has_charter && !is_here(share) {
            // Left long ago; what is said of it now counts.
            forget(tx, share)?;
        }
        match take(tx, signer.hive(), from, proposal, known) {
            Ok(true) => held.push(share),
            Ok(false) => {}
            // One bad offer is no reason to lose the others.
            Err(Error::BadRecord(_)) if is_here(share) => {}
            Err(Error::BadRecord(_)) => forget(tx, share)?,
            Err(error) => return Err(error),
        }
    }
    let rows = db::offers(tx)?.into_iter();
    for row in rows.filter(|row| row.from == from && !held.contains(&row.share)) {
        db::remove_offer(tx, row.share)?;
        if !is_here(row.share) {
            forget(tx, row.share)?;
        }
        tx.announce("offer", &row.share.to_string(), None)?;
    }
    Ok(())
}

/// Whether the proposal holds something out to this hive.
fn take(
    tx: &Tx,
    own: HiveId,
    from: HiveId,
    proposal: Proposal,
    known: Option<db::OfferRow>,
) -> Result<bool, Error> {
    let share = proposal.share;
    if proposal.members.len() > RECORDS_MAX {
        return Err(Error::BadRecord("an offer names more members than it may".to_owned()));
    }
    membership::take_charter(tx, share, &proposal.charter)?;
    for (hive, body) in &proposal.members {
        membership::apply(tx, share, Kind::Member, hive.as_bytes(), body)?;
    }
    let standing = db::member(tx, share, own)?;
    let open = standing.filter(|standing| standing.state == Membership::Offered);
    let Some(right) = open.and_then(|standing| standing.may()) else { return Ok(false) };
    let at = known.as_ref().map_or(tx.now(), |row| row.at);
    let declined = known.as_ref().is_some_and(|row| row.declined);
    let Proposal { files, bytes, mut folders, .. } = proposal;
    folders.retain(|folder| is_shown(&folder.name));
    folders.truncate(FOLDERS_MAX);
    let row = db::OfferRow { share, from, right, files, bytes, folders, at, declined };
    if known.as_ref() != Some(&row) {
        db::save_offer(tx, &row)?;
        tx.announce("offer", &share.to_string(), None)?;
    }
    Ok(true)
}

/// Joins an offered share in the records; its folder is for the caller to make.
pub fn accept_offer(tx: &Tx, signer: &dyn Signer, share: ShareId) -> Result<Offer, Error> {
    let offer = offer(tx, share)?;
    membership::join(tx, signer, share)?;
    db::forget_farewells_of(tx, share)?;
    db::remove_offer(tx, share)?;
    tx.announce("offer", &share.to_string(), None)?;
    Ok(offer)
}

/// Declines an offer. It is not shown again unless it is withdrawn and made anew.
pub fn decline_offer(tx: &Tx, share: ShareId) -> Result<(), Error> {
    offer(tx, share)?;
    db::decline_offer(tx, share)?;
    Ok(tx.announce("offer", &share.to_string(), None)?)
}

fn forget(tx: &Tx, share: ShareId) -> Result<(), Error> {
    db::forget_share(tx, share)?;
    Ok(store::remove_records(tx, share)?)
}
