//! Friends and members as the API shows them.

use std::collections::{BTreeMap, HashMap};

use people::{Membership, Standing};
use store::View;
use types::{HiveId, ShareId};

use crate::friends::{Connection, Friends, Lag, Network, Progress, Way};
use crate::{Error, wire};

/// What is asked of the connections before the database is read.
pub(crate) struct Present {
    own: HiveId,
    connections: BTreeMap<HiveId, Connection>,
    away: BTreeMap<HiveId, String>,
}

impl Present {
    pub(crate) fn of(friends: &dyn Friends) -> Self {
        let own = friends.signer().hive();
        Self { own, connections: friends.connections(), away: friends.away() }
    }

    pub(crate) fn own(&self) -> HiveId {
        self.own
    }

    fn path(&self, hive: HiveId) -> Option<wire::Way> {
        self.connections.get(&hive).map(|connection| match connection.way {
            Way::Lan => wire::Way::Lan,
            Way::Direct => wire::Way::Direct,
            Way::Relay => wire::Way::Relay,
        })
    }
}

pub(crate) fn friend(
    view: &View,
    friend: people::Friend,
    present: &Present,
    phrase: [String; 4],
) -> Result<wire::Friend, Error> {
    let groups = people::groups(view)?;
    let groups = groups.iter().filter(|group| group.friends.contains(&friend.hive));
    let shares = people::shares_of(view, friend.hive)?;
    let path = present.path(friend.hive);
    Ok(wire::Friend {
        hive: friend.hive.to_string(),
        name: friend.name().to_owned(),
        hue: friend.hue,
        device: friend.device,
        online: path.is_some(),
        path,
        away: present.away.get(&friend.hive).cloned(),
        last_seen_at: friend.last_seen_at.map(|time| time.0),
        added_at: friend.added_at.0,
        muted: friend.muted,
        auto_accept: friend.auto_accept,
        paused: friend.paused.filter(|pause| pause.holds(view.now())).map(Into::into),
        up_kb: friend.limits.up_kb,
        down_kb: friend.limits.down_kb,
        phrase: phrase.into_iter().filter(|word| !word.is_empty()).collect(),
        groups: groups.map(|group| group.id.to_string()).collect(),
        shares: shares.iter().map(|(share, _)| share.to_string()).collect(),
        own_name: friend.own_name,
    })
}

/// The limits for all friends.
pub(crate) fn limits(view: &View, network: Option<Network>) -> Result<wire::Limits, Error> {
    let people::Limits { up_kb, down_kb } = people::limits(view)?;
    let only_unmetered = people::only_unmetered(view)?;
    let network = network.filter(|_| only_unmetered).map(|network| match network {
        Network::Metered => "metered",
        Network::Unmetered => "unmetered",
        Network::Unknown => "unknown",
    });
    Ok(wire::Limits { up_kb, down_kb, only_unmetered, network: network.map(str::to_owned) })
}

/// Why nothing goes to and from any friend at present.
pub(crate) fn resting(
    view: &View,
    share: Option<(ShareId, HiveId)>,
    network: Option<Network>,
) -> Result<Option<wire::Resting>, Error> {
    let words = |code: &str, detail: &str, hint: &str| wire::Resting {
        code: code.to_owned(),
        detail: detail.to_owned(),
        hint: hint.to_owned(),
    };
    if let Some((share, own)) = share
        && let Some(charter) = people::charter(view, share)?
        && let Some(standing) = people::members(view, share)?.remove(&own)
        && standing.state == Membership::Removed
    {
        let founder = person(view, share, charter.founder(), own)?;
        let name = founder.map_or_else(|| "a friend".to_owned(), |(person, _)| person.name);
        let detail = format!("It is no longer shared by {name}. Your copy stays as it is.");
        let hint = "Stop sharing it here too, or ask them to share it with you again.";
        return Ok(Some(words("ended", &detail, hint)));
    }
    if people::hive_pause(view)?.is_some() {
        let detail = "Sharing is paused by you.";
        return Ok(Some(words("paused", detail, "Resume it to go on.")));
    }
    if people::only_unmetered(view)? && network == Some(Network::Metered) {
        let detail = "Waiting for an unmetered network: this one costs by the byte.";
        let hint = "It goes on by itself on another network. To go on now, allow metered networks.";
        return Ok(Some(words("metered", detail, hint)));
    }
    Ok(None)
}

/// Everybody of a share: this hive, then who takes part, then who left or was removed.
pub(crate) fn members(
    view: &View,
    share: ShareId,
    present: &Present,
    progress: &Progress,
) -> Result<Vec<wire::Member>, Error> {
    let Some(charter) = people::charter(view, share)? else {
        return Ok(vec![alone(view, present.own, progress)?]);
    };
    let friends: HashMap<HiveId, people::Friend> =
        people::friends(view)?.into_iter().map(|friend| (friend.hive, friend)).collect();
    let groups = people::groups(view)?;
    let mut members = Vec::new();
    for (hive, standing) in people::members(view, share)? {
        let friend = friends.get(&hive);
        let through = groups.iter().filter(|group| {
            group.friends.contains(&hive) && group.shares.iter().any(|(given, _)| *given == share)
        });
        let is_self = hive == present.own;
        let lag = if is_self {
            progress.here.into()
        } else {
            progress.friends.get(&hive).copied().unwrap_or_default().into()
        };
        let path = present.path(hive);
        let name = friend.map_or(standing.about.name.clone(), |friend| friend.name().to_owned());
        members.push(wire::Member {
            hive: hive.to_string(),
            name,
            hue: standing.about.hue,
            device: standing.about.device.clone(),
            right: standing.right.into(),
            state: state(&standing).to_owned(),
            is_self,
            founder: hive == charter.founder(),
            friend: friend.is_some(),
            groups: through.map(|group| group.id.to_string()).collect(),
            online: is_self || path.is_some(),
            path,
            away: present.away.get(&hive).cloned(),
            last_seen_at: friend.and_then(|friend| friend.last_seen_at).map(|time| time.0),
            lag,
        });
    }
    let rank = |member: &wire::Member| match member.state.as_str() {
        _ if member.is_self => 0,
        "member" => 1,
        "offered" => 2,
        _ => 3,
    };
    members.sort_by_cached_key(|member| (rank(member), member.name.to_lowercase()));
    Ok(members)
}

/// The one member of a share that was never shared with a friend.
fn alone(view: &View, own: HiveId, progress: &Progress) -> Result<wire::Member, Error> {
    let owner = people::owner(view)?.ok_or(people::Error::Gone("owner"))?;
    Ok(wire::Member {
        hive: own.to_string(),
        name: owner.name,
        hue: owner.hue,
        device: people::hive_name(view)?,
        right: wire::Right::Manage,
        state: "member".to_owned(),
        is_self: true,
        founder: true,
        friend: false,
        groups: Vec::new(),
        online: true,
        path: None,
        away: None,
        last_seen_at: None,
        lag: progress.here.into(),
    })
}

fn state(standing: &Standing) -> &'static str {
    match standing.state {
        Membership::Offered => "offered",
        Membership::Member => "member",
        Membership::Left => "left",
        Membership::Removed => "removed",
    }
}

/// Who a hive is in a share, as a person of the API; the id is the hive's.
pub(crate) fn person(
    view: &View,
    share: ShareId,
    hive: HiveId,
    own: HiveId,
) -> Result<Option<(wire::Person, String)>, Error> {
    let of = |name: &str, hue| wire::Person { id: hive.to_string(), name: name.to_owned(), hue };
    if hive == own {
        let owner = people::owner(view)?.ok_or(people::Error::Gone("owner"))?;
        return Ok(Some((of(&owner.name, owner.hue), people::hive_name(view)?)));
    }
    if let Ok(friend) = people::friend(view, hive) {
        return Ok(Some((of(friend.name(), friend.hue), friend.device)));
    }
    let about = people::members(view, share)?.remove(&hive).map(|standing| standing.about);
    Ok(about.map(|about| (of(&about.name, about.hue), about.device)))
}

pub(crate) fn offer(view: &View, offer: people::Offer) -> Result<wire::Offer, Error> {
    let from = people::friend(view, offer.from)?;
    Ok(wire::Offer {
        share: offer.share.to_string(),
        name: offer.name,
        kind: if offer.of_file { "file" } else { "folder" }.to_owned(),
        from: wire::Person {
            id: from.hive.to_string(),
            name: from.name().to_owned(),
            hue: from.hue,
        },
        right: offer.right.into(),
        files: offer.files,
        bytes: offer.bytes,
        folders: offer
            .folders
            .into_iter()
            .map(|folder| wire::TopFolder { path: folder.name, bytes: folder.bytes, chosen: true })
            .collect(),
        at: offer.at.0,
    })
}

pub(crate) fn group(group: people::Group) -> wire::Group {
    let given = |(share, right): (ShareId, types::Right)| wire::GroupShare {
        share: share.to_string(),
        right: right.into(),
    };
    wire::Group {
        id: group.id.to_string(),
        name: group.name,
        friends: group.friends.iter().map(HiveId::to_string).collect(),
        shares: group.shares.into_iter().map(given).collect(),
        created_at: group.created_at.0,
    }
}

pub(crate) fn invitation(
    view: &View,
    invitation: people::Invitation,
) -> Result<wire::Invitation, Error> {
    let (share, right) = invitation.share.unzip();
    let share_name = match share.map(|share| files::share(view, share)) {
        Some(Ok(share)) => Some(share.name),
        None | Some(Err(files::Error::Gone)) => None,
        Some(Err(error)) => return Err(error.into()),
    };
    Ok(wire::Invitation {
        id: invitation.id.to_string(),
        share: share.map(|share| share.to_string()),
        share_name,
        right: right.map(Into::into),
        words: invitation.words,
        created_at: invitation.created_at.0,
        expires_at: invitation.expires_at.0,
    })
}

impl From<people::Pause> for wire::Paused {
    fn from(pause: people::Pause) -> Self {
        Self { since_at: pause.since.0, until_at: pause.until.map(|time| time.0) }
    }
}

impl From<Lag> for wire::Lag {
    fn from(lag: Lag) -> Self {
        let Lag { in_sync, files, bytes, speed, seconds_left, known_at } = lag;
        let known_at = known_at.map(|time| time.0);
        Self { in_sync, files_to_go: files, bytes_to_go: bytes, speed, seconds_left, known_at }
    }
}
