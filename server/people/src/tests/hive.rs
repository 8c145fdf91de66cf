//! What the hive is called, and when its pauses end.

use types::Time;

use super::world::{SHARE, hive};
use crate::*;

#[test]
fn a_hive_is_called_after_its_owner_until_it_is_named() {
    let ada = hive(0, "Ada");
    assert_eq!(ada.sees(hive_name), "Ada's hive");
    ada.founds();
    ada.does(|tx, _| rename_hive(tx, " Study ")).expect("renamed");
    assert_eq!(ada.sees(hive_name), "Study");
    ada.does(|tx, signer| introduce(tx, signer)).expect("introduced");
    let own = ada.sees(|view| members(view, SHARE)).remove(&ada.id()).expect("a founder");
    assert_eq!(own.about.device, "Study");
    assert!(ada.does(|tx, _| rename_hive(tx, "  ")).is_err());
}

#[test]
fn the_next_pause_to_end_is_known_whatever_is_paused() {
    let (ada, bo) = (hive(0, "Ada"), hive(1, "Bo"));
    ada.knows(&bo);
    let (since, friend) = (ada.sees(|view| Ok(view.now())), bo.id());
    let pause =
        move |after: Option<i64>| Some(Pause { since, until: after.map(|ms| since.plus(ms)) });
    assert_eq!(ada.sees(next_pause_end), None);
    ada.does(move |tx, _| pause_hive(tx, pause(None))).expect("paused");
    assert_eq!(ada.sees(hive_pause), pause(None));
    assert_eq!(ada.sees(next_pause_end), None, "it ends when it is ended");

    ada.does(move |tx, _| pause_hive(tx, pause(Some(3_000)))).expect("paused");
    ada.does(move |tx, _| pause_share(tx, SHARE, pause(Some(2_000)))).expect("paused");
    ada.does(move |tx, _| pause_friend(tx, friend, pause(Some(1_000)))).expect("paused");
    for (wait, next) in [(0, 1_000), (1_000, 2_000), (1_000, 3_000)] {
        ada.wait(wait);
        assert_eq!(ada.sees(next_pause_end), Some(since.plus(next)));
    }
    assert_eq!(ada.sees(hive_pause), pause(Some(3_000)));
    ada.wait(1_000);
    assert_eq!((ada.sees(hive_pause), ada.sees(next_pause_end)), (None, None::<Time>));
}
