//! Two sessions over a network that loses itself, with slow and failing stores: whatever happens,
//! both logs become equal.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use types::ShareId;

use super::{Input, Output, Session};
use crate::wire::{Blob, Control, Said, Since};

const SHARES: u8 = 2;

fn share(number: u8) -> ShareId {
    ShareId::from_bytes([number; 16])
}

/// One hive's records: by share and key, the position and a value of which the highest wins.
#[derive(Default)]
struct Log {
    newest: u64,
    records: BTreeMap<(u8, u8), (u64, u64)>,
    positions: BTreeMap<u8, Since>,
    unsaved: BTreeMap<u8, Since>,
    epoch: u64,
}

impl Log {
    fn put(&mut self, share: u8, key: u8, value: u64) {
        let known = self.records.get(&(share, key)).map_or(0, |(_, value)| *value);
        if value > known {
            self.newest += 1;
            self.records.insert((share, key), (self.newest, value));
        }
    }

    fn newest(&self, share: u8) -> u64 {
        let of_share = self.records.iter().filter(|((of, _), _)| *of == share);
        of_share.map(|(_, (position, _))| *position).max().unwrap_or(0)
    }

    fn values(&self) -> BTreeMap<(u8, u8), u64> {
        self.records.iter().map(|(key, (_, value))| (*key, *value)).collect()
    }

    fn load(&self, of: ShareId, round: u32, since: u64) -> Input {
        let number = of.as_bytes()[0];
        let newest = self.newest(number);
        let since = if newest < since { 0 } else { since };
        let mut found: Vec<(u64, Said)> = self
            .records
            .iter()
            .filter(|((share, _), (position, _))| *share == number && *position > since)
            .map(|((_, key), (position, value))| {
                let said =
                    Said { kind: 1, key: Blob(vec![*key]), body: Blob(value.to_le_bytes().into()) };
                (*position, said)
            })
            .collect();
        found.sort_by_key(|(position, _)| *position);
        found.truncate(3);
        let upto = found.last().map_or(newest, |(position, _)| *position);
        let records = found.into_iter().map(|(_, said)| said).collect();
        Input::Loaded { share: of, round, upto, more: upto < newest, records }
    }
}

struct Side {
    log: Log,
    session: Session,
    loads: VecDeque<(ShareId, u32, u64)>,
    takes: VecDeque<(ShareId, u32, Since, Vec<Said>)>,
    rests: Vec<ShareId>,
    to_other: VecDeque<Control>,
}

impl Side {
    fn new(epoch: u64) -> Self {
        let log = Log { epoch, ..Log::default() };
        let session = Session::new(epoch);
        Self {
            log,
            session,
            loads: VecDeque::new(),
            takes: VecDeque::new(),
            rests: Vec::new(),
            to_other: VecDeque::new(),
        }
    }

    fn connect(&mut self) {
        self.session = Session::new(self.log.epoch);
        self.loads.clear();
        self.takes.clear();
        self.rests.clear();
        self.to_other.clear();
        self.log.unsaved.clear();
        let shares = (0..SHARES)
            .map(|number| (share(number), self.log.positions.get(&number).copied()))
            .collect();
        self.feed(Input::Shares(shares));
    }

    fn feed(&mut self, input: Input) {
        for output in self.session.on(input) {
            match output {
                Output::Say(message) => self.to_other.push_back(message),
                Output::Load { share, round, since } => {
                    self.loads.push_back((share, round, since));
                }
                Output::Send { share, round, upto, records, .. } => {
                    let contents = Vec::new();
                    let said = Control::Records { share, round, upto, records, contents };
                    self.to_other.push_back(said);
                }
                Output::Take { share, round, upto, records, .. } => {
                    self.takes.push_back((share, round, upto, records));
                }
                Output::Reached { share, since } => {
                    self.log.unsaved.insert(share.as_bytes()[0], since);
                }
                Output::Rest(share) => self.rests.push(share),
                Output::Nonsense(what) => panic!("{what}"),
            }
        }
    }

    fn take(&mut self, fails: bool) -> bool {
        let Some((of, round, upto, records)) = self.takes.pop_front() else { return false };
        let number = of.as_bytes()[0];
        if !fails {
            for said in records {
                let value = u64::from_le_bytes(said.body.0.try_into().expect("eight bytes"));
                self.log.put(number, said.key.0[0], value);
            }
        }
        self.feed(Input::Took { share: of, round, upto, done: !fails });
        if !fails {
            self.changed();
        }
        true
    }

    fn changed(&mut self) {
        for (of, sent) in self.session.sending() {
            if self.log.newest(of.as_bytes()[0]) > sent {
                self.feed(Input::Changed(of));
            }
        }
    }
}

/// Does one thing that waits; false if nothing does.
fn step(sides: &mut [Side; 2], one: usize, what: usize, fails: bool) -> bool {
    match what {
        0 => {
            let Some(message) = sides[1 - one].to_other.pop_front() else { return false };
            sides[one].feed(Input::Heard(message));
            true
        }
        1 => {
            let Some((of, round, since)) = sides[one].loads.pop_front() else { return false };
            let loaded = sides[one].log.load(of, round, since);
            sides[one].feed(loaded);
            true
        }
        2 => sides[one].take(fails),
        _ => {
            let Some(of) = sides[one].rests.pop() else { return false };
            sides[one].feed(Input::Retry(of));
            true
        }
    }
}

fn settle(sides: &mut [Side; 2]) {
    for _ in 0..100_000 {
        let mut did = false;
        for one in 0..2 {
            for what in 0..4 {
                did |= step(sides, one, what, false);
            }
        }
        if !did {
            return;
        }
    }
    panic!("they never come to rest");
}

proptest! {
    #[test]
    fn both_logs_become_equal(seed: u64, steps in 10..400_usize) {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut sides = [Side::new(1), Side::new(2)];
        let mut value = 0;
        for side in &mut sides {
            side.connect();
        }
        for _ in 0..steps {
            let one = chance.random_range(0..2);
            match chance.random_range(0..40) {
                0 => sides.iter_mut().for_each(Side::connect),
                1..=6 => {
                    value += 1;
                    let (of, key) = (chance.random_range(0..SHARES), chance.random_range(0..12));
                    sides[one].log.put(of, key, value);
                    sides[one].changed();
                }
                7 => {
                    let saved = std::mem::take(&mut sides[one].log.unsaved);
                    sides[one].log.positions.extend(saved);
                }
                _ => {
                    let fails = chance.random_range(0..10) == 0;
                    step(&mut sides, one, chance.random_range(0..4), fails);
                }
            }
        }
        settle(&mut sides);
        prop_assert_eq!(sides[0].log.values(), sides[1].log.values());
        for side in &sides {
            for number in 0..SHARES {
                let course = side.session.course(share(number));
                prop_assert!(course.they_have_all && course.we_have_all, "{course:?}");
            }
        }
    }
}

#[test]
fn a_hive_that_lost_its_newest_records_sends_what_it_has() {
    let mut sides = [Side::new(1), Side::new(2)];
    for key in 0..10 {
        sides[0].log.put(0, key, 1);
    }
    sides[1].log.positions.insert(0, Since { epoch: 1, at: 500 });
    sides.iter_mut().for_each(Side::connect);
    settle(&mut sides);
    assert_eq!(sides[0].log.values(), sides[1].log.values());
}
