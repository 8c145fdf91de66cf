//! Friends: owners of other hives that are linked with this one.

use store::{Tx, View};
use types::{HiveId, MINUTE_MS, ShareId, Signer, Time};

use crate::person::{HUES, is_shown, name_checked};
use crate::{Error, Limits, LimitsChange, db, hive, membership};

/// Where a friend was seen is written down at most this often, if nothing else changed.
const SEEN_EVERY_MS: i64 = MINUTE_MS;
const ADDRESSES_MAX: usize = 16;
const ADDRESS_CHARS_MAX: usize = 300;
const NAME_CHARS_MAX: usize = 60;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Friend {
    pub hive: HiveId,
    /// Our own name for them.
    pub given_name: Option<String>,
    /// How they call themselves.
    pub own_name: String,
    pub hue: u8,
    pub device: String,
    /// Where their hive was found, newest first.
    pub addresses: Vec<String>,
    pub last_seen_at: Option<Time>,
    pub muted: bool,
    /// Whether what they share is taken up without a question.
    pub auto_accept: bool,
    pub added_at: Time,
    pub paused: Option<Pause>,
    /// Beside those for all friends together.
    pub limits: Limits,
}

impl Friend {
    pub fn name(&self) -> &str {
        self.given_name.as_deref().unwrap_or(&self.own_name)
    }
}

/// Since when, and until when if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    pub since: Time,
    pub until: Option<Time>,
}

impl Pause {
    pub fn holds(&self, now: Time) -> bool {
        self.until.is_none_or(|end| end > now)
    }
}

/// How a hive introduces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    pub hive: HiveId,
    pub name: String,
    pub hue: u8,
    pub device: String,
    /// Where it can be found.
    pub addresses: Vec<String>,
}

impl Introduction {
    /// What another hive says of itself is cut to what can be shown.
    fn tidy(mut self) -> Self {
        let shown = |text: &str| {
            let text: String = text.trim().chars().take(NAME_CHARS_MAX).collect();
            if text.is_empty() || !is_shown(&text) { "A friend".to_owned() } else { text }
        };
        self.name = shown(&self.name);
        self.device = shown(&self.device);
        self.hue %= HUES;
        let well = |address: &String| address.len() <= ADDRESS_CHARS_MAX && is_shown(address);
        self.addresses.retain(well);
        self.addresses.truncate(ADDRESSES_MAX);
        self
    }
}

/// What to change; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct FriendChange {
    /// `Some(None)`: as they call themselves.
    pub name: Option<Option<String>>,
    pub muted: Option<bool>,
    pub auto_accept: Option<bool>,
    pub limits: LimitsChange,
}

/// By name.
pub fn friends(view: &View) -> Result<Vec<Friend>, Error> {
    let mut friends = db::friends(view)?;
    friends.sort_by_cached_key(|friend| (friend.name().to_lowercase(), friend.hive));
    Ok(friends)
}

pub fn friend(view: &View, hive: HiveId) -> Result<Friend, Error> {
    db::friend(view, hive)?.ok_or(Error::Gone("friend"))
}

/// Links a hive with this one. Who is a friend already stays as they are, and is only introduced
/// anew.
pub fn befriend(tx: &Tx, signer: &dyn Signer, met: Introduction) -> Result<Friend, Error> {
    if met.hive == signer.hive() {
        return Err(Error::OwnHive);
    }
    if db::friend(tx, met.hive)?.is_some() {
        saw_friend(tx, met.clone())?;
        return friend(tx, met.hive);
    }
    let met = met.tidy();
    let friend = Friend {
        hive: met.hive,
        given_name: None,
        own_name: met.name,
        hue: met.hue,
        device: met.device,
        addresses: met.addresses,
        last_seen_at: Some(tx.now()),
        muted: false,
        auto_accept: false,
        added_at: tx.now(),
        paused: None,
        limits: Limits::default(),
    };
    save(tx, &friend)?;
    Ok(friend)
}

/// Notes that a friend's hive was there, and how it introduced itself.
pub fn saw_friend(tx: &Tx, met: Introduction) -> Result<(), Error> {
    let mut friend = friend(tx, met.hive)?;
    let met = met.tidy();
    let now = (met.name, met.hue, met.device);
    let was = (friend.own_name, friend.hue, friend.device);
    let changed = now != was;
    (friend.own_name, friend.hue, friend.device) = now;
    let moved = !met.addresses.is_empty() && friend.addresses != met.addresses;
    if moved {
        friend.addresses = met.addresses;
    }
    let long_ago = friend.last_seen_at.is_none_or(|last| tx.now().since(last) >= SEEN_EVERY_MS);
    if !changed && !moved && !long_ago {
        return Ok(());
    }
    friend.last_seen_at = Some(tx.now());
    if changed { save(tx, &friend) } else { db::save_friend(tx, &friend) }
}

pub fn change_friend(tx: &Tx, hive: HiveId, change: FriendChange) -> Result<Friend, Error> {
    let mut friend = friend(tx, hive)?;
    if let Some(name) = change.name {
        friend.given_name = name.map(|name| name_checked(&name)).transpose()?;
    }
    friend.muted = change.muted.unwrap_or(friend.muted);
    friend.auto_accept = change.auto_accept.unwrap_or(friend.auto_accept);
    friend.limits = friend.limits.changed(change.limits);
    save(tx, &friend)?;
    Ok(friend)
}

/// Ends the friendship: takes every share away that this hive may take away, and withdraws what the
/// friend offered. Shares that they began stay here as they are.
pub fn remove_friend(tx: &Tx, signer: &dyn Signer, hive: HiveId) -> Result<(), Error> {
    friend(tx, hive)?;
    for (share, _) in membership::shares_of(tx, hive)? {
        match membership::expel(tx, signer, share, hive) {
            // Somebody else's to decide.
            Ok(()) | Err(Error::NotManager(_)) => {}
            Err(error) => return Err(error),
        }
    }
    for offer in db::offers(tx)?.into_iter().filter(|offer| offer.from == hive) {
        db::remove_offer(tx, offer.share)?;
        tx.announce("offer", &offer.share.to_string(), Some(offer.share))?;
    }
    db::remove_grants_of(tx, hive)?;
    db::forget_farewells_to(tx, hive)?;
    db::remove_friend(tx, hive)?;
    Ok(tx.announce("friend", &hive.to_string(), None)?)
}

/// Pauses everything with a friend; `None` resumes.
pub fn pause_friend(tx: &Tx, hive: HiveId, pause: Option<Pause>) -> Result<(), Error> {
    let mut friend = friend(tx, hive)?;
    friend.paused = pause;
    save(tx, &friend)?;
    Ok(tx.announce("pause", &hive.to_string(), None)?)
}

/// Pauses a share with all friends; `None` resumes. Links go on.
pub fn pause_share(tx: &Tx, share: ShareId, pause: Option<Pause>) -> Result<(), Error> {
    db::save_share_pause(tx, share, pause)?;
    Ok(tx.announce("pause", &share.to_string(), Some(share))?)
}

/// The pause of a share that holds now.
pub fn share_pause(view: &View, share: ShareId) -> Result<Option<Pause>, Error> {
    Ok(db::share_pause(view, share)?.filter(|pause| pause.holds(view.now())))
}

/// The first moment at which some pause, of a friend, of a share or of the whole hive, ends by
/// itself.
pub fn next_pause_end(view: &View) -> Result<Option<Time>, Error> {
    Ok(db::next_pause_end(view)?.into_iter().chain(hive::hive_pause_end(view)?).min())
}

fn save(tx: &Tx, friend: &Friend) -> Result<(), Error> {
    db::save_friend(tx, friend)?;
    Ok(tx.announce("friend", &friend.hive.to_string(), None)?)
}
