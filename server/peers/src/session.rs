//! What is said between two hives about the records of their shares, without IO: a machine that is
//! told what happened and tells what to do.
//!
//! Each side follows the shares it keeps; the other sends records from the position on, a bounded
//! number of bytes ahead of what was acknowledged as durable, and goes on with each new record.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use types::ShareId;

use crate::wire::{Control, Given, Said, Since};

/// So many bytes of records may be on their way unacknowledged, for each share.
const AHEAD_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// So many messages may be; and so many are taken in before the other end counts as unruly.
const AHEAD_MAX: usize = 32;
const TAKING_MAX: u32 = 64;
/// So many records are remembered as known to the other end, so that they are not echoed.
const KNOWN_MAX: usize = 65_536;
/// So many shares may be followed that this hive does not know.
const STRANGE_MAX: usize = 4_096;

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// The shares that go both ways now, with how far this hive went through the other's records.
    Shares(Vec<(ShareId, Option<Since>)>),
    /// A share of this hive has records after those sent.
    Changed(ShareId),
    /// The answer to [`Output::Load`]: the records after the position, the position that they
    /// reach, and whether there are more.
    Loaded {
        share: ShareId,
        round: u32,
        upto: u64,
        more: bool,
        records: Vec<Said>,
    },
    Heard(Control),
    /// [`Output::Take`] was done, durably, or failed.
    Took {
        share: ShareId,
        round: u32,
        upto: Since,
        done: bool,
    },
    /// A share whose records could not be taken in may be tried again.
    Retry(ShareId),
    /// A share is to be gone through from the beginning: what was not taken may count now.
    Anew(ShareId),
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Say(Control),
    /// Read the records of a share after a position.
    Load {
        share: ShareId,
        round: u32,
        since: u64,
    },
    /// Send these, with small contents if `live`: the other end had everything before.
    Send {
        share: ShareId,
        round: u32,
        upto: Since,
        records: Vec<Said>,
        live: bool,
    },
    Take {
        share: ShareId,
        round: u32,
        upto: Since,
        records: Vec<Said>,
        contents: Vec<Given>,
    },
    /// Everything of the other end's up to here was taken in: a later session goes on from it.
    Reached {
        share: ShareId,
        since: Since,
    },
    /// A share's records could not be taken in: say [`Input::Retry`] in a while.
    Rest(ShareId),
    /// The other end said what makes no sense.
    Nonsense(&'static str),
}

/// How far the two are with a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Course {
    /// How far the other end went through this hive's records, durably.
    pub(crate) taken: u64,
    /// The other end has taken everything that is known to be here.
    pub(crate) they_have_all: bool,
    /// The other end said that there is no more, and it was taken.
    pub(crate) we_have_all: bool,
}

#[derive(Debug, Default)]
struct Outgoing {
    round: u32,
    sent: u64,
    acknowledged: u64,
    /// Position and bytes of what is not acknowledged.
    ahead: VecDeque<(u64, usize)>,
    ahead_bytes: usize,
    loading: bool,
    /// There may be records that were not loaded.
    more: bool,
    /// Everything up to the newest record was sent once.
    live: bool,
}

#[derive(Debug, Default)]
struct Incoming {
    round: u32,
    since: Option<Since>,
    taking: u32,
    heard: bool,
    resting: bool,
}

pub(crate) struct Session {
    epoch: u64,
    shares: BTreeSet<ShareId>,
    /// What the other end follows; also shares that are not its to have yet.
    asked: BTreeMap<ShareId, (u32, Option<Since>)>,
    outgoing: BTreeMap<ShareId, Outgoing>,
    incoming: BTreeMap<ShareId, Incoming>,
    known: Known,
    round: u32,
}

impl Session {
    pub(crate) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            shares: BTreeSet::new(),
            asked: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            incoming: BTreeMap::new(),
            known: Known::default(),
            round: 0,
        }
    }

    /// The shares that the other end follows and may, with the position that was sent.
    pub(crate) fn sending(&self) -> Vec<(ShareId, u64)> {
        self.outgoing.iter().map(|(share, out)| (*share, out.sent)).collect()
    }

    pub(crate) fn course(&self, share: ShareId) -> Course {
        let they = self.outgoing.get(&share);
        let we = self.incoming.get(&share);
        Course {
            taken: they.map_or(0, |out| out.acknowledged),
            they_have_all: they.is_some_and(|out| out.live && !out.more && out.ahead.is_empty()),
            we_have_all: we.is_some_and(|into| into.heard && into.taking == 0 && !into.resting),
        }
    }

    pub(crate) fn on(&mut self, input: Input) -> Vec<Output> {
        let mut todo = Vec::new();
        match input {
            Input::Shares(shares) => self.set_shares(shares, &mut todo),
            Input::Changed(share) => {
                if let Some(out) = self.outgoing.get_mut(&share) {
                    out.more = true;
                    self.go_on(share, &mut todo);
                }
            }
            Input::Loaded { share, round, upto, more, records } => {
                self.loaded(share, round, upto, more, records, &mut todo);
            }
            Input::Heard(message) => self.heard(message, &mut todo),
            Input::Took { share, round, upto, done } => {
                self.took(share, round, upto, done, &mut todo);
            }
            Input::Anew(share) => {
                if self.incoming.contains_key(&share) {
                    self.follow(share, None, &mut todo);
                }
            }
            Input::Retry(share) => {
                if self.incoming.get(&share).is_some_and(|into| into.resting) {
                    let since = self.incoming.get(&share).and_then(|into| into.since);
                    self.follow(share, since, &mut todo);
                }
            }
        }
        todo
    }

    fn set_shares(&mut self, shares: Vec<(ShareId, Option<Since>)>, todo: &mut Vec<Output>) {
        let now: BTreeSet<ShareId> = shares.iter().map(|(share, _)| *share).collect();
        let gone: Vec<ShareId> = self.shares.difference(&now).copied().collect();
        for share in gone {
            self.outgoing.remove(&share);
            self.incoming.remove(&share);
            todo.push(Output::Say(Control::Unfollow { share }));
        }
        let new: Vec<_> =
            shares.into_iter().filter(|(share, _)| !self.shares.contains(share)).collect();
        self.shares = now;
        for (share, since) in new {
            self.follow(share, since, todo);
            if let Some((round, since)) = self.asked.get(&share).copied() {
                self.begin(share, round, since, todo);
            }
        }
    }

    fn follow(&mut self, share: ShareId, since: Option<Since>, todo: &mut Vec<Output>) {
        self.round += 1;
        let round = self.round;
        self.incoming.insert(share, Incoming { round, since, ..Incoming::default() });
        todo.push(Output::Say(Control::Follow { share, round, since }));
    }

    fn begin(&mut self, share: ShareId, round: u32, since: Option<Since>, todo: &mut Vec<Output>) {
        let sent = since.filter(|since| since.epoch == self.epoch).map_or(0, |since| since.at);
        let out = Outgoing { round, sent, acknowledged: sent, more: true, ..Outgoing::default() };
        self.outgoing.insert(share, out);
        self.go_on(share, todo);
    }

    fn go_on(&mut self, share: ShareId, todo: &mut Vec<Output>) {
        let Some(out) = self.outgoing.get_mut(&share) else { return };
        let room = out.ahead_bytes < AHEAD_BYTES_MAX && out.ahead.len() < AHEAD_MAX;
        if out.more && !out.loading && room {
            out.loading = true;
            out.more = false;
            todo.push(Output::Load { share, round: out.round, since: out.sent });
        }
    }

    fn loaded(
        &mut self,
        share: ShareId,
        round: u32,
        upto: u64,
        more: bool,
        records: Vec<Said>,
        todo: &mut Vec<Output>,
    ) {
        let epoch = self.epoch;
        let Some(out) = self.outgoing.get_mut(&share) else { return };
        if out.round != round {
            return;
        }
        out.loading = false;
        out.more |= more;
        let live = out.live;
        // The first answer goes out even when it is empty: it says that there is no more. Less
        // than they have means that this hive lost records since: they count anew.
        let first = !live && !out.more;
        let lost = !live && upto < out.sent;
        if lost {
            out.sent = upto;
        }
        if upto > out.sent || first || lost {
            let records: Vec<Said> =
                records.into_iter().filter(|record| !self.known.has(share, record)).collect();
            let bytes: usize =
                records.iter().map(|said| said.key.0.len() + said.body.0.len() + 16).sum();
            for record in &records {
                self.known.note(share, record);
            }
            out.sent = out.sent.max(upto);
            out.ahead.push_back((out.sent, bytes));
            out.ahead_bytes += bytes;
            let upto = Since { epoch, at: out.sent };
            todo.push(Output::Send { share, round, upto, records, live });
        }
        out.live |= !out.more;
        self.go_on(share, todo);
    }

    fn heard(&mut self, message: Control, todo: &mut Vec<Output>) {
        match message {
            Control::Follow { share, round, since } => {
                if self.asked.len() >= STRANGE_MAX && !self.asked.contains_key(&share) {
                    return todo.push(Output::Nonsense("it follows too many shares"));
                }
                if self.asked.insert(share, (round, since)).is_some() {
                    // What was sent may not have been taken: it may be sent again.
                    self.known = Known::default();
                }
                if self.shares.contains(&share) {
                    self.begin(share, round, since, todo);
                }
            }
            Control::Unfollow { share } => {
                self.asked.remove(&share);
                self.outgoing.remove(&share);
            }
            Control::Records { share, round, upto, records, contents } => {
                let Some(into) = self.incoming.get_mut(&share) else { return };
                if into.round != round || into.resting {
                    return;
                }
                for record in &records {
                    self.known.note(share, record);
                }
                into.heard = true;
                into.taking += 1;
                if into.taking > TAKING_MAX {
                    return todo.push(Output::Nonsense("it does not wait for what it sent"));
                }
                todo.push(Output::Take { share, round, upto, records, contents });
            }
            Control::Taken { share, round, at } => {
                let Some(out) = self.outgoing.get_mut(&share) else { return };
                if out.round != round {
                    return;
                }
                if at > out.sent {
                    return todo.push(Output::Nonsense("it took what was never sent"));
                }
                out.acknowledged = out.acknowledged.max(at);
                while let Some((position, bytes)) = out.ahead.front().copied()
                    && position <= at
                {
                    out.ahead.pop_front();
                    out.ahead_bytes -= bytes;
                }
                self.go_on(share, todo);
            }
            _ => {}
        }
    }

    fn took(
        &mut self,
        share: ShareId,
        round: u32,
        upto: Since,
        done: bool,
        todo: &mut Vec<Output>,
    ) {
        let Some(into) = self.incoming.get_mut(&share) else { return };
        if into.round != round {
            return;
        }
        into.taking = into.taking.saturating_sub(1);
        if into.resting {
            return;
        }
        if done {
            into.since = Some(upto);
            todo.push(Output::Reached { share, since: upto });
            todo.push(Output::Say(Control::Taken { share, round, at: upto.at }));
        } else {
            into.resting = true;
            todo.push(Output::Rest(share));
        }
    }
}

/// Records that the other end has, by hashes: of what, and of the newest body.
#[derive(Default)]
struct Known {
    chance: RandomState,
    bodies: HashMap<u64, u64>,
    order: VecDeque<u64>,
}

impl Known {
    fn key(&self, share: ShareId, said: &Said) -> u64 {
        self.chance.hash_one((share, said.kind, &said.key.0))
    }

    fn note(&mut self, share: ShareId, said: &Said) {
        let (key, body) = (self.key(share, said), self.chance.hash_one(&said.body.0));
        if self.bodies.insert(key, body).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > KNOWN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.bodies.remove(&oldest);
        }
    }

    fn has(&self, share: ShareId, said: &Said) -> bool {
        let body = self.chance.hash_one(&said.body.0);
        self.bodies.get(&self.key(share, said)) == Some(&body)
    }
}

#[cfg(test)]
mod tests;
