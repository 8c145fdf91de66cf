//! What membership records come to: who is in a share, with which right. Pure.
//!
//! The founder's words always count, and the founder alone lets others manage. Words of those who
//! manage count while they do, for rights below managing and never about the founder or each other.
//! A hive speaks for itself when it joins or leaves. Everything else is carried along and achieves
//! nothing. Whatever order the words came in, the outcome is the same.

use std::collections::{BTreeMap, BTreeSet};

use types::{HiveId, Right};

use crate::record::{About, Charter, Member, Says, Word};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// May take the share up, and did not yet.
    Offered,
    Member,
    Left,
    Removed,
}

/// Where one hive stands in a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub state: Membership,
    /// For who left or was removed, the last one.
    pub right: Right,
    /// The highest that they ever had.
    pub had: Right,
    /// The newest that whoever took the right to write from them had of theirs.
    pub upto: u64,
    pub about: About,
}

impl Standing {
    /// What the hive may do now.
    pub fn may(&self) -> Option<Right> {
        let is_in = matches!(self.state, Membership::Offered | Membership::Member);
        is_in.then_some(self.right)
    }

    /// Up to which count of its own all counts that the hive wrote; `None`: nothing ever did. Who
    /// left by themselves may come back, so that nothing is taken from them.
    pub fn writes_up_to(&self) -> Option<u64> {
        let writes = |right: Right| right >= Right::Edit;
        if self.state != Membership::Removed && writes(self.right) {
            return Some(u64::MAX);
        }
        writes(self.had).then_some(self.upto)
    }
}

/// The hives whose words about others count: the founder, and whom the founder lets manage.
pub(crate) fn managers(charter: &Charter, members: &BTreeMap<HiveId, Member>) -> BTreeSet<HiveId> {
    let founder = charter.founder();
    let is_manager = |member: &&Member| {
        let word = member.by(founder).map(|word| &word.says);
        matches!(word, Some(Says::Give { right: Right::Manage, .. }))
    };
    let appointed = members.values().filter(is_manager).map(|member| member.hive);
    appointed.chain([founder]).collect()
}

/// Where every hive that was ever named stands.
pub(crate) fn roll(
    charter: &Charter,
    members: &BTreeMap<HiveId, Member>,
) -> BTreeMap<HiveId, Standing> {
    let managers = managers(charter, members);
    let stands = |member: &Member| {
        let standing = standing(charter.founder(), &managers, member)?;
        Some((member.hive, standing))
    };
    members.values().filter_map(stands).collect()
}

/// The word that decides what a hive may: the newest that counts.
pub(crate) fn deciding<'a>(
    founder: HiveId,
    managers: &BTreeSet<HiveId>,
    member: &'a Member,
) -> Option<&'a Word> {
    if managers.contains(&member.hive) {
        return member.by(founder);
    }
    let counts = |word: &&Word| match word.says {
        Says::Give { right, .. } => right < Right::Manage && managers.contains(&word.author()),
        Says::Remove { .. } => managers.contains(&word.author()),
        Says::Join(_) | Says::Leave(_) => false,
    };
    member.words.iter().filter(counts).max_by_key(|word| word.tick)
}

fn standing(founder: HiveId, managers: &BTreeSet<HiveId>, member: &Member) -> Option<Standing> {
    let own = member.by(member.hive);
    if member.hive == founder {
        let (state, about) = match &own?.says {
            Says::Join(about) => (Membership::Member, about),
            Says::Leave(about) => (Membership::Left, about),
            Says::Give { .. } | Says::Remove { .. } => return None,
        };
        let about = about.clone();
        let (right, had) = (Right::Manage, Right::Manage);
        return Some(Standing { state, right, had, upto: 0, about });
    }
    let word = deciding(founder, managers, member)?;
    let (right, had, upto, since, about) = match &word.says {
        Says::Give { right, since, had, upto, about } => (*right, *had, *upto, Some(*since), about),
        Says::Remove { had, upto, about } => (*had, *had, *upto, None, about),
        Says::Join(_) | Says::Leave(_) => return None,
    };
    let (had, about) = (had.max(right), about.clone());
    let mut standing = Standing { state: Membership::Removed, right, had, upto, about };
    if let Some(since) = since {
        standing.state = Membership::Offered;
        if let Some(own) = own.filter(|own| own.tick.count > since) {
            match &own.says {
                Says::Join(_) => standing.state = Membership::Member,
                Says::Leave(_) => standing.state = Membership::Left,
                Says::Give { .. } | Says::Remove { .. } => {}
            }
        }
    }
    if let Some(Says::Join(about)) = own.map(|own| &own.says) {
        standing.about = about.clone();
    }
    Some(standing)
}
