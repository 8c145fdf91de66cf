//! Whoever ends a share says so to all who were in it.

use types::Right;

use super::world::{Hive, SHARE, household};
use crate::*;

/// Hands the last words of one hive to another, as hives do when they meet.
fn hears_farewell(from: &Hive, to: &Hive) {
    for farewell in from.sees(|view| farewells(view, to.id())) {
        assert_eq!(farewell.share, SHARE);
        to.does(move |tx, _| {
            apply(tx, SHARE, store::Kind::Member, farewell.about.as_bytes(), &farewell.word)
        })
        .expect("it is taken in");
    }
}

fn ends(hive: &Hive) {
    hive.does(|tx, signer| {
        say_farewell(tx, signer, SHARE)?;
        forget_share(tx, SHARE)
    })
    .expect("ended");
}

#[test]
fn who_began_a_share_takes_it_from_everybody() {
    let (ada, [bo, cy]) = household([("Bo", Right::Edit), ("Cy", Right::View)]);
    ends(&ada);
    assert!(ada.sees(|view| charter(view, SHARE)).is_none(), "nothing of it stays");
    hears_farewell(&ada, &bo);
    assert_eq!((bo.state_of(&bo), bo.right_of(&bo)), (Some(Membership::Removed), None));
    assert_eq!(cy.state_of(&cy), Some(Membership::Member), "he has not heard yet");
    hears_farewell(&ada, &cy);
    hears_farewell(&ada, &cy);
    assert_eq!(cy.state_of(&cy), Some(Membership::Removed));

    let bo_id = bo.id();
    ada.does(move |tx, signer| remove_friend(tx, signer, bo_id)).expect("removed");
    assert!(ada.sees(|view| farewells(view, bo_id)).is_empty());
}

#[test]
fn who_leaves_says_so_to_all_and_may_come_back() {
    let (ada, [bo, cy]) = household([("Bo", Right::Edit), ("Cy", Right::View)]);
    bo.knows(&cy);
    ends(&bo);
    for other in [&ada, &cy] {
        hears_farewell(&bo, other);
        assert_eq!(other.state_of(&bo), Some(Membership::Left));
    }
    assert_eq!(ada.state_of(&cy), Some(Membership::Member));
    ada.takes_from(&bo).expect("taken");
    ada.gives(&bo, Right::Edit).expect("given");
    ada.proposes_to(&bo);
    bo.joins();
    assert!(bo.sees(|view| farewells(view, ada.id())).is_empty(), "he is back");
}
