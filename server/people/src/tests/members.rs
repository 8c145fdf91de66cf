//! Membership: who may let whom in, and that all hives agree, whatever order words come in.

use proptest::prelude::*;
use store::Kind;
use types::{FileId, Name, Right, Signature, Signer, Tick, Time, Vector};

use super::world::{Hive, Key, SHARE, hive, household};
use crate::record::TICK_MAX;
use crate::*;

#[test]
fn a_friend_is_offered_joins_leaves_and_joins_anew() {
    let (ada, bo) = (hive(0, "Ada"), hive(1, "Bo"));
    ada.knows(&bo);
    bo.knows(&ada);
    ada.founds();
    ada.gives(&bo, Right::Edit).expect("given");
    assert_eq!(ada.state_of(&bo), Some(Membership::Offered));
    ada.proposes_to(&bo);
    bo.joins();
    bo.tells(&ada);
    assert_eq!(
        (ada.state_of(&bo), ada.right_of(&bo)),
        (Some(Membership::Member), Some(Right::Edit))
    );
    // Another right does not ask anew.
    ada.gives(&bo, Right::View).expect("given");
    assert_eq!(
        (ada.state_of(&bo), ada.right_of(&bo)),
        (Some(Membership::Member), Some(Right::View))
    );
    ada.tells(&bo);
    bo.does(|tx, signer| leave(tx, signer, SHARE)).expect("left");
    bo.tells(&ada);
    assert_eq!((ada.state_of(&bo), ada.right_of(&bo)), (Some(Membership::Left), None));
    ada.gives(&bo, Right::Comment).expect("given");
    assert_eq!(ada.state_of(&bo), Some(Membership::Offered), "it is for him to join anew");
    ada.tells(&bo);
    bo.does(|tx, signer| join(tx, signer, SHARE)).expect("joined");
    bo.tells(&ada);
    assert_eq!(ada.state_of(&bo), Some(Membership::Member));
    let all = ada.sees(|view| members(view, SHARE));
    assert_eq!((&*all[&bo.id()].about.name, all[&bo.id()].had), ("Bo", Right::Edit));
    assert_eq!(&*all[&ada.id()].about.device, "Ada's hive");
}

#[test]
fn only_who_manages_lets_others_in_and_only_the_founder_lets_manage() {
    let (ada, [bo, cy]) = household([("Bo", Right::Manage), ("Cy", Right::Edit)]);
    let dan = hive(9, "Dan");
    for other in [&bo, &cy] {
        other.knows(&dan);
    }
    let denied = |result: Result<(), Error>, words: &str| {
        let Err(Error::NotManager(said)) = result else { panic!("{result:?}") };
        assert!(said.contains(words), "{said}");
    };
    denied(cy.gives(&dan, Right::View), "you may not");
    denied(cy.takes_from(&bo), "you may not");
    denied(bo.gives(&dan, Right::Manage), "Only who began");
    denied(bo.gives(&ada, Right::View), "always manages");
    denied(bo.takes_from(&ada), "always manages");
    denied(ada.takes_from(&ada), "always manages");
    denied(bo.takes_from(&bo), "leave");
    bo.gives(&dan, Right::Edit).expect("given");
    bo.takes_from(&cy).expect("taken");
    bo.tells(&ada);
    assert_eq!((ada.right_of(&dan), ada.right_of(&cy)), (Some(Right::Edit), None));
    ada.gives(&cy, Right::Edit).expect("given");
    assert_eq!(ada.right_of(&cy), Some(Right::Edit), "the later word counts");
}

#[test]
fn who_may_no_longer_manage_is_silenced_and_what_they_decided_stays() {
    let (ada, [bo, cy]) = household([("Bo", Right::Manage), ("Cy", Right::Edit)]);
    let (dan, eli) = (hive(8, "Dan"), hive(9, "Eli"));
    bo.knows(&dan);
    bo.knows(&eli);
    bo.gives(&dan, Right::Comment).expect("given");
    bo.takes_from(&cy).expect("taken");
    bo.tells(&ada);
    ada.gives(&bo, Right::Edit).expect("given");
    assert_eq!(ada.right_of(&bo), Some(Right::Edit));
    assert_eq!(ada.right_of(&dan), Some(Right::Comment), "whom he let in stays");
    assert_eq!(ada.right_of(&cy), None, "whom he removed stays out");

    // Bo does not know yet, or does as if he did not.
    bo.gives(&eli, Right::Edit).expect("he thinks that he may");
    bo.tells(&ada);
    assert_eq!(ada.right_of(&eli), None);
    ada.tells(&bo);
    assert_eq!(bo.right_of(&eli), None, "nor on his own hive");
    assert!(bo.gives(&dan, Right::View).is_err());
}

/// A folder that a hive says to have made, at this count of its own.
fn made(by: &Hive, on: &Hive, count: u64) {
    let (id, tick) =
        (FileId::from_bytes([by.id().as_bytes()[0]; 16]), Tick { count, hive: by.id() });
    let (at, signature) = (Time(0), Signature::from_bytes([0; 64]));
    let name = Name::new("a").expect("a name");
    let parent = tree::root_of(SHARE);
    let place = tree::Place { parent, name, tick, at, carried: None, signature };
    let version = tree::Version {
        vector: Vector::new().with_change_at(tick),
        what: tree::What::Folder,
        before: Vec::new(),
        tick,
        at,
        by: None,
        carried: None,
        signature,
    };
    let node = tree::Node { id, place, versions: vec![version], gone: Vec::new() };
    let body = postcard::to_stdvec(&node).expect("a body");
    let put = move |tx: &mut store::Tx, _: &dyn Signer| {
        store::put_record(tx, SHARE, Kind::Node as u8, id.as_bytes(), &body).map_err(Error::from)
    };
    on.does(put).expect("written");
}

#[test]
fn who_may_write_no_more_counts_up_to_what_was_known_of_them() {
    let (ada, [bo, cy]) = household([("Bo", Right::Edit), ("Cy", Right::View)]);
    let limit = |hive: &Hive| hive.sees(|view| writers(view, SHARE)).get(&bo.id()).copied();
    assert_eq!((limit(&ada), limit(&cy)), (Some(u64::MAX), Some(u64::MAX)));
    made(&bo, &ada, 7);
    made(&cy, &ada, 90);
    ada.gives(&bo, Right::Comment).expect("given");
    // What is told later, or to others, does not move it.
    made(&bo, &ada, 40);
    made(&bo, &cy, 41);
    ada.tells(&cy);
    assert_eq!((limit(&ada), limit(&cy)), (Some(7), Some(7)));
    ada.takes_from(&bo).expect("taken");
    ada.tells(&cy);
    assert_eq!((limit(&ada), limit(&cy)), (Some(7), Some(7)));
    ada.gives(&bo, Right::Edit).expect("given");
    ada.tells(&cy);
    assert_eq!((limit(&ada), limit(&cy)), (Some(u64::MAX), Some(u64::MAX)));
    assert_eq!(ada.sees(|view| writers(view, SHARE)).get(&cy.id()), None, "she never might");
}

#[test]
fn who_leaves_by_themselves_loses_nothing() {
    let (ada, [bo]) = household([("Bo", Right::Edit)]);
    bo.does(|tx, signer| leave(tx, signer, SHARE)).expect("left");
    bo.tells(&ada);
    assert_eq!(ada.right_of(&bo), None);
    assert_eq!(ada.sees(|view| writers(view, SHARE)).get(&bo.id()), Some(&u64::MAX));
}

/// What a hive may write that keeps to no rule of ours.
fn word(by: &Hive, of: &Hive, says: Says, count: u64) -> store::Record {
    let mut member = Member::new(of.id());
    member.hear(Word::new(SHARE, of.id(), says, count, Time(5), &*by.key));
    let (key, body) = (of.id().as_bytes().to_vec(), member.body());
    store::Record { seq: 0, kind: Kind::Member as u8, key, body }
}

fn about(name: &str) -> About {
    About { name: name.to_owned(), hue: 1, device: "x".to_owned() }
}

fn given(right: Right) -> Says {
    Says::Give { right, since: 0, had: right, upto: 0, about: about("x") }
}

#[test]
fn who_exceeds_their_right_achieves_nothing() {
    let (ada, [bo, cy]) = household([("Bo", Right::Manage), ("Cy", Right::View)]);
    let dan = hive(9, "Dan");
    let before = ada.sees(|view| members(view, SHARE));
    let removed = || Says::Remove { had: Right::View, upto: 0, about: about("x") };
    let high = TICK_MAX - 1;
    for record in [
        word(&cy, &dan, given(Right::Edit), high),
        word(&cy, &cy, given(Right::Manage), high),
        word(&cy, &ada, removed(), high),
        word(&cy, &bo, removed(), high),
        word(&bo, &ada, removed(), high),
        word(&bo, &dan, given(Right::Manage), high),
        word(&dan, &dan, given(Right::Manage), high),
        word(&dan, &dan, Says::Join(about("Dan")), high),
        word(&dan, &ada, Says::Leave(about("Ada")), high),
    ] {
        ada.hears(&record).expect("carried along");
        assert_eq!(ada.sees(|view| members(view, SHARE)), before);
    }
    assert_eq!(ada.sees(|view| writers(view, SHARE)).get(&dan.id()), None);
}

#[test]
fn a_manager_who_counts_to_the_end_is_outdone_by_the_founder() {
    let (ada, [bo, cy]) = household([("Bo", Right::Manage), ("Cy", Right::View)]);
    let removed = Says::Remove { had: Right::View, upto: 0, about: about("x") };
    ada.hears(&word(&bo, &cy, removed, TICK_MAX - 1)).expect("his right");
    assert_eq!(ada.right_of(&cy), None);
    let stuck = ada.gives(&cy, Right::View).expect_err("nothing counts higher").to_string();
    assert!(stuck.contains("right to manage"), "{stuck}");
    ada.takes_from(&bo).expect("taken");
    assert_eq!(ada.right_of(&cy), None, "what he decided stays until she decides otherwise");
    ada.gives(&cy, Right::View).expect("given");
    assert_eq!(ada.right_of(&cy), Some(Right::View));
}

#[test]
fn what_cannot_be_is_refused() {
    let (ada, [bo]) = household([("Bo", Right::Edit)]);
    let good = word(&ada, &bo, given(Right::View), 1_000);
    let mut forged = good.clone();
    let at = forged.body.len() - 1;
    forged.body[at] ^= 1;
    let mut misplaced = good.clone();
    misplaced.key = ada.id().as_bytes().to_vec();
    let mut short = good.clone();
    short.key.pop();
    let mut cut = good.clone();
    cut.body.truncate(cut.body.len() / 2);
    let over = word(&ada, &bo, given(Right::View), TICK_MAX);
    let hidden = Says::Give {
        right: Right::View,
        since: 0,
        had: Right::View,
        upto: 0,
        about: about("\u{202e}"),
    };
    let hidden = word(&ada, &bo, hidden, 1_000);
    for bad in [forged, misplaced, short, cut, over, hidden] {
        let heard = bo.hears(&bad);
        assert!(matches!(heard, Err(Error::BadRecord(_))), "{heard:?}");
    }
    assert_eq!(bo.right_of(&bo), Some(Right::Edit));
    let eve = hive(9, "Eve");
    eve.founds();
    let charter = eve.records().into_iter().find(|record| record.kind == Kind::Share as u8);
    let heard = bo.hears(&charter.expect("a charter"));
    assert!(matches!(heard, Err(Error::BadRecord(_))), "{heard:?}");
    bo.hears(&good).expect("a sound record");
    assert_eq!(bo.right_of(&bo), Some(Right::View));
}

#[test]
fn noise_stays_small() {
    let (ada, [bo]) = household([("Bo", Right::Edit)]);
    for number in 20..80 {
        let stranger = hive(number, "X");
        ada.hears(&word(&stranger, &bo, given(Right::View), 1)).expect("carried along");
    }
    let bodies = ada.sees(|view| Ok(store::records_of(view, SHARE, Kind::Member)?));
    let bytes: usize = bodies.iter().map(|record| record.body.len()).sum();
    assert!(bytes < 6_000, "{bytes}");
}

#[test]
fn a_new_name_is_told_in_every_share() {
    let (ada, [bo]) = household([("Bo", Right::View)]);
    bo.does(|tx, signer| {
        let owner = owner(tx)?.ok_or(Error::Gone("owner"))?;
        rename(tx, owner.id, Some("Bohumil"), None)?;
        introduce(tx, signer)
    })
    .expect("told");
    bo.tells(&ada);
    assert_eq!(ada.sees(|view| members(view, SHARE))[&bo.id()].about.name, "Bohumil");
    assert_eq!(ada.right_of(&bo), Some(Right::View));
}

#[test]
fn the_founder_names_the_share_for_all() {
    let (ada, [bo]) = household([("Bo", Right::Manage)]);
    let rename = |hive: &Hive, name: &'static str| {
        hive.does(move |tx, signer| rename_charter(tx, signer, SHARE, name)).expect("written");
    };
    rename(&bo, "Mine");
    rename(&ada, "Journey");
    ada.tells(&bo);
    bo.tells(&ada);
    for hive in [&ada, &bo] {
        let charter = hive.sees(|view| charter(view, SHARE)).expect("founded");
        assert_eq!((&*charter.name, charter.founder()), ("Journey", ada.id()));
    }
}

/// One random word by one of five hives about another.
fn any_word() -> impl Strategy<Value = (u8, u8, Says, u64)> {
    let right = prop_oneof![Just(Right::View), Just(Right::Edit), Just(Right::Manage)];
    let says = (right, 0..6u64, 0..4u8).prop_map(|(right, since, kind)| match kind {
        0 => Says::Remove { had: right, upto: since, about: about("x") },
        1 => Says::Join(about("x")),
        2 => Says::Leave(about("x")),
        _ => Says::Give { right, since, had: right, upto: since, about: about("x") },
    });
    (0..5u8, 0..5u8, says, 1..8u64)
}

fn records_of(words: &[(u8, u8, Says, u64)]) -> Vec<(types::HiveId, Word)> {
    let of = |number: u8| Key::new(number).hive();
    let make = |(by, about, says, count): &(u8, u8, Says, u64)| {
        let (key, about) = (Key::new(*by), of(*about));
        (about, Word::new(SHARE, about, says.clone(), *count, Time(5), &key))
    };
    words.iter().map(make).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn all_hives_agree_whatever_order_words_come_in(
        words in proptest::collection::vec(any_word(), 1..14),
        order in any::<u64>(),
    ) {
        use rand::SeedableRng;
        use rand::seq::SliceRandom;
        let (ada, bo) = (hive(0, "Ada"), hive(7, "Bo"));
        ada.knows(&bo);
        bo.knows(&ada);
        ada.founds();
        ada.gives(&bo, Right::View).expect("given");
        ada.proposes_to(&bo);
        let mut records: Vec<store::Record> = records_of(&words)
            .into_iter()
            .map(|(of, word)| {
                let mut member = Member::new(of);
                member.hear(word);
                let kind = Kind::Member as u8;
                store::Record { seq: 0, kind, key: of.as_bytes().to_vec(), body: member.body() }
            })
            .collect();
        for record in &records {
            ada.hears(record).expect("a sound record");
        }
        records.shuffle(&mut rand::rngs::StdRng::seed_from_u64(order));
        for record in &records {
            bo.hears(record).expect("a sound record");
        }
        let roll = |hive: &Hive| hive.sees(|view| members(view, SHARE));
        prop_assert_eq!(roll(&ada), roll(&bo));
        // Once each has heard the other, they hold the same bytes, and nothing is news any more.
        ada.tells(&bo);
        bo.tells(&ada);
        let bodies = |hive: &Hive| {
            let mut all: Vec<_> =
                hive.records().into_iter().map(|record| (record.key, record.body)).collect();
            all.sort();
            all
        };
        prop_assert_eq!(bodies(&ada), bodies(&bo));
        for record in ada.records() {
            prop_assert!(!bo.hears(&record).expect("a sound record"));
        }
    }

    /// Without a word of the founder nobody manages, whatever all others say together.
    #[test]
    fn only_the_founder_makes_managers(
        words in proptest::collection::vec(any_word(), 1..20),
    ) {
        let ada = hive(0, "Ada");
        ada.founds();
        let others: Vec<_> = words.into_iter().filter(|(by, ..)| *by != 0).collect();
        for (of, word) in records_of(&others) {
            let mut member = Member::new(of);
            member.hear(word);
            let (key, body) = (of.as_bytes().to_vec(), member.body());
            let record = store::Record { seq: 0, kind: Kind::Member as u8, key, body };
            ada.hears(&record).expect("a sound record");
        }
        let all = ada.sees(|view| members(view, SHARE));
        prop_assert_eq!(all.keys().copied().collect::<Vec<_>>(), vec![ada.id()]);
        prop_assert_eq!(all[&ada.id()].may(), Some(Right::Manage));
    }
}
