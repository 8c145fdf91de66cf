//! Friends, groups, invitations and offers, as the owner of a hive uses them.

use types::{DAY_MS, Right, ShareId, Time};

use super::world::{Hive, SHARE, hive, household};
use crate::*;

#[test]
fn a_friend_keeps_our_name_for_them_whatever_they_call_themselves() {
    let (ada, bo) = (hive(0, "Ada"), hive(1, "Bo"));
    ada.knows(&bo);
    let id = bo.id();
    let name = FriendChange { name: Some(Some("Brother".to_owned())), ..FriendChange::default() };
    ada.does(move |tx, _| change_friend(tx, id, name)).expect("renamed");
    let met = Introduction { name: "Bo the Great".to_owned(), ..bo.introduction() };
    ada.does(move |tx, _| saw_friend(tx, met)).expect("seen");
    let friend = ada.sees(|view| friend(view, id));
    assert_eq!((friend.name(), &*friend.own_name), ("Brother", "Bo the Great"));
    let clear = FriendChange { name: Some(None), ..FriendChange::default() };
    let friend = ada.does(move |tx, _| change_friend(tx, id, clear)).expect("renamed");
    assert_eq!(friend.name(), "Bo the Great");
}

#[test]
fn what_another_hive_says_of_itself_is_cut_to_what_can_be_shown() {
    let (ada, bo) = (hive(0, "Ada"), hive(1, "Bo"));
    let met = Introduction {
        name: "\u{202e}evil".to_owned(),
        device: "x".repeat(5_000),
        hue: 250,
        addresses: vec!["a\nb".to_owned(), "10.0.0.2:7537".to_owned()],
        ..bo.introduction()
    };
    let friend = ada.does(move |tx, signer| befriend(tx, signer, met)).expect("met");
    assert_eq!((&*friend.own_name, friend.device.len()), ("A friend", 60));
    assert!(friend.hue < HUES);
    assert_eq!(friend.addresses, ["10.0.0.2:7537"]);
    let own = ada.introduction();
    let refused = ada.does(move |tx, signer| befriend(tx, signer, own));
    assert!(matches!(refused, Err(Error::OwnHive)));
}

#[test]
fn an_invitation_is_good_for_one_friend_and_a_week() {
    let (ada, bo, cy) = (hive(0, "Ada"), hive(1, "Bo"), hive(2, "Cy"));
    ada.founds();
    let invites = |secret: [u8; 16], right: Right| {
        let share = Some((SHARE, right));
        ada.does(move |tx, signer| invite(tx, signer, &secret, None, share)).expect("invited")
    };
    let invitation = invites([7; 16], Right::Edit);
    let answers = |of: &Hive, proof: Proof| {
        let met = of.introduction();
        ada.does(move |tx, signer| redeem_invitation(tx, signer, &proof, met))
    };
    let unknown = answers(&bo, Proof::Secret([8; 16]));
    assert!(matches!(unknown, Err(Error::InvitationUnknown)));
    assert_eq!(ada.sees(invitations), std::slice::from_ref(&invitation));
    answers(&bo, Proof::Secret([7; 16])).expect("redeemed");
    assert_eq!(ada.right_of(&bo), Some(Right::Edit));
    assert_eq!(ada.state_of(&bo), Some(Membership::Offered));
    answers(&bo, Proof::Secret([7; 16])).expect("he did not hear the first answer");
    let other = answers(&cy, Proof::Secret([7; 16]));
    assert!(matches!(other, Err(Error::InvitationUsed)));
    assert!(ada.sees(|view| Ok(friend(view, cy.id()).is_err())));

    invites([9; 16], Right::View);
    ada.wait(8 * DAY_MS);
    let late = answers(&cy, Proof::Secret([9; 16]));
    assert!(matches!(late, Err(Error::InvitationExpired)));
    assert!(ada.sees(invitations).is_empty());

    let taken = invites([10; 16], Right::View).id;
    ada.does(move |tx, _| remove_invitation(tx, taken)).expect("taken back");
    let gone = answers(&cy, Proof::Secret([10; 16]));
    assert!(matches!(gone, Err(Error::InvitationUnknown)));

    let words = Some("apple boat cloud".to_owned());
    ada.does(move |tx, signer| invite(tx, signer, &[11; 16], words, None)).expect("invited");
    let wrong = answers(&cy, Proof::Words("apple boat door".to_owned()));
    assert!(matches!(wrong, Err(Error::InvitationUnknown)));
    answers(&cy, Proof::Words("apple boat cloud".to_owned())).expect("redeemed");
    assert_eq!(ada.sees(|view| friend(view, cy.id())).own_name, "Cy");
    assert_eq!(ada.right_of(&cy), None);
}

#[test]
fn an_offer_shows_what_it_is_and_goes_when_it_is_withdrawn() {
    let (ada, bo) = (hive(0, "Ada"), hive(1, "Bo"));
    ada.knows(&bo);
    bo.knows(&ada);
    ada.founds();
    ada.gives(&bo, Right::Comment).expect("given");
    ada.proposes_to(&bo);
    let offer = bo.sees(|view| offer(view, SHARE));
    assert_eq!((&*offer.name, offer.right, offer.from), ("Trip", Right::Comment, ada.id()));
    ada.takes_from(&bo).expect("taken");
    ada.proposes_to(&bo);
    assert!(bo.sees(offers).is_empty());
    assert!(bo.sees(|view| charter(view, SHARE)).is_none(), "nothing of it stays");

    ada.gives(&bo, Right::Edit).expect("given");
    ada.proposes_to(&bo);
    bo.does(|tx, _| decline_offer(tx, SHARE)).expect("declined");
    ada.proposes_to(&bo);
    assert!(bo.sees(offers).is_empty(), "what was declined does not come back by itself");
}

#[test]
fn nobody_writes_the_charter_of_a_share_that_is_here_already() {
    let (ada, eve) = (hive(0, "Ada"), hive(1, "Eve"));
    ada.knows(&eve);
    eve.knows(&ada);
    // She has learned the id of a share that Ada never shared with a friend.
    eve.founds();
    eve.gives(&ada, Right::View).expect("given");
    let forged = eve.sees(|view| proposals(view, ada.id()));
    let (from, again) = (eve.id(), forged.clone());
    ada.does(move |tx, signer| take_proposals(tx, signer, from, again, |share| share == SHARE))
        .expect("looked at");
    assert!(ada.sees(offers).is_empty());
    assert!(ada.sees(|view| charter(view, SHARE)).is_none());
    assert_eq!(ada.sees(|view| right_here(view, SHARE, ada.id())), Some(Right::Manage));
    ada.founds();
    ada.does(move |tx, signer| take_proposals(tx, signer, from, forged, |share| share == SHARE))
        .expect("looked at");
    assert!(ada.sees(offers).is_empty());
    assert_eq!(ada.right_of(&eve), None);
}

#[test]
fn one_bad_offer_does_not_keep_the_others_out() {
    let (ada, bo) = (hive(0, "Ada"), hive(1, "Bo"));
    ada.knows(&bo);
    bo.knows(&ada);
    ada.founds();
    ada.gives(&bo, Right::Edit).expect("given");
    let mut proposals = ada.sees(|view| proposals(view, bo.id()));
    assert_eq!(Proposal::read(&proposals[0].body()).expect("readable"), proposals[0]);
    assert!(matches!(Proposal::read(b"x"), Err(Error::BadRecord(_))));
    let broken = Proposal { share: ShareId::from_bytes([9; 16]), ..proposals[0].clone() };
    proposals.insert(0, broken);
    let from = ada.id();
    bo.does(move |tx, signer| take_proposals(tx, signer, from, proposals, |_| false))
        .expect("taken");
    let shares: Vec<_> = bo.sees(offers).into_iter().map(|offer| offer.share).collect();
    assert_eq!(shares, [SHARE]);
}

#[test]
fn a_group_gives_and_takes_what_it_was_given() {
    let (ada, bo, cy) = (hive(0, "Ada"), hive(1, "Bo"), hive(2, "Cy"));
    ada.knows(&bo);
    ada.knows(&cy);
    ada.founds();
    let group = ada.does(|tx, _| make_group(tx, "Family")).expect("made").id;
    let joins = |of: &Hive| {
        let hive = of.id();
        ada.does(move |tx, signer| add_to_group(tx, signer, group, hive)).expect("added")
    };
    joins(&bo);
    ada.does(move |tx, signer| share_with_group(tx, signer, SHARE, group, Right::Edit))
        .expect("shared");
    assert_eq!(ada.right_of(&bo), Some(Right::Edit));
    joins(&cy);
    assert_eq!(ada.right_of(&cy), Some(Right::Edit), "who comes later has it too");

    // The higher of what was given alone and in groups counts.
    ada.gives(&bo, Right::View).expect("given");
    assert_eq!(ada.right_of(&bo), Some(Right::Edit));
    let (bo_id, cy_id) = (bo.id(), cy.id());
    ada.does(move |tx, signer| take_from_group(tx, signer, group, bo_id)).expect("taken");
    assert_eq!(ada.right_of(&bo), Some(Right::View));
    let refused = ada.takes_from(&cy).expect_err("through the group").to_string();
    assert!(refused.contains("Family"), "{refused}");
    ada.does(move |tx, signer| take_from_group(tx, signer, group, cy_id)).expect("taken");
    assert_eq!(ada.right_of(&cy), None);
    joins(&cy);
    ada.does(move |tx, signer| remove_group(tx, signer, group)).expect("removed");
    assert_eq!((ada.right_of(&cy), ada.right_of(&bo)), (None, Some(Right::View)));
    assert!(ada.sees(groups).is_empty());
}

#[test]
fn a_friend_who_is_removed_loses_every_share_at_once() {
    let (ada, [bo, cy]) = household([("Bo", Right::Edit), ("Cy", Right::Edit)]);
    let id = bo.id();
    ada.does(move |tx, signer| remove_friend(tx, signer, id)).expect("removed");
    assert!(ada.sees(|view| shares_of(view, id)).is_empty());
    assert_eq!(ada.state_of(&bo), Some(Membership::Removed));
    ada.tells(&cy);
    assert_eq!(cy.right_of(&bo), None);
    // What Bo wrote while he might keeps counting; he wrote nothing.
    assert_eq!(cy.sees(|view| writers(view, SHARE)).get(&id), Some(&0));
    assert!(ada.sees(friends).iter().all(|friend| friend.hive != id));
}

#[test]
fn pauses_end_by_themselves() {
    let (ada, bo) = (hive(0, "Ada"), hive(1, "Bo"));
    ada.knows(&bo);
    let now = ada.sees(|view| Ok(view.now()));
    let pause = Pause { since: now, until: Some(now.plus(1_000)) };
    let id = bo.id();
    ada.does(move |tx, _| {
        pause_friend(tx, id, Some(pause))?;
        pause_share(tx, SHARE, Some(Pause { until: None, ..pause }))
    })
    .expect("paused");
    assert_eq!(ada.sees(next_pause_end), Some(Time(now.0 + 1_000)));
    ada.wait(1_000);
    let friend = ada.sees(|view| friend(view, id));
    let now = ada.sees(|view| Ok(view.now()));
    assert!(!friend.paused.is_some_and(|pause| pause.holds(now)));
    assert!(ada.sees(|view| share_pause(view, SHARE)).is_some(), "until resumed");
    ada.does(|tx, _| pause_share(tx, SHARE, None)).expect("resumed");
    assert!(ada.sees(|view| share_pause(view, SHARE)).is_none());
}
