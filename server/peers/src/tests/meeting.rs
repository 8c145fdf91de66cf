//! Becoming friends, and being refused.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::hive::{Hive, Invitation, link, share, until};
use crate::{Nearby, Refusal, Standing, ticket};

const SECRET: [u8; 16] = [42; 16];

fn invite(hive: &Hive) -> String {
    let words = ticket::words_of(&SECRET);
    let invitation = Invitation { expired: false, used_by: None, words, share: share(1) };
    hive.home.state().invitations.insert(SECRET, invitation);
    hive.handle.ticket(SECRET).link
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_makes_two_hives_friends_and_brings_the_offer() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    let link = invite(&ada);
    assert!(link.len() < 200, "{} bytes", link.len());
    assert_eq!(bob.handle.accept(&link).await, Ok(ada.id));
    until("both are connected", || ada.is_connected_to(&bob) && bob.is_connected_to(&ada)).await;
    let offered = || bob.home.state().offered.get(&ada.id).cloned().unwrap_or_default();
    until("the offer", || offered() == vec![share(1).as_bytes().to_vec()]).await;
    assert!(ada.home.state().friends.contains_key(&bob.id));
    assert_eq!(bob.home.state().friends[&ada.id], vec![ada.address().into()]);
    assert_eq!(ada.handle.phrase(bob.id), bob.handle.phrase(ada.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_invitations_say_why() {
    let (ada, bob, eve) = (Hive::start(1).await, Hive::start(2).await, Hive::start(3).await);
    let link = invite(&ada);
    assert_eq!(ada.handle.accept(&link).await, Err(Refusal::OwnHive));
    assert_eq!(bob.handle.accept("hello there").await, Err(Refusal::NoInvitation));
    ada.home.state().invitations.get_mut(&SECRET).expect("it is there").expired = true;
    assert_eq!(bob.handle.accept(&link).await, Err(Refusal::InvitationExpired));
    ada.home.state().invitations.get_mut(&SECRET).expect("it is there").expired = false;
    assert_eq!(bob.handle.accept(&link).await, Ok(ada.id));
    assert_eq!(eve.handle.accept(&link).await, Err(Refusal::InvitationUsed));
    ada.home.state().invitations.clear();
    assert_eq!(eve.handle.accept(&link).await, Err(Refusal::InvitationUnknown));
    ada.handle.stop().await;
    let unreachable = eve.handle.accept(&link).await;
    assert!(matches!(unreachable, Err(Refusal::Unreachable { .. })), "{unreachable:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_may_be_given_again() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    let link = invite(&ada);
    assert_eq!(bob.handle.accept(&link).await, Ok(ada.id));
    assert_eq!(bob.handle.accept(&link).await, Ok(ada.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_words_find_a_hive_on_the_network() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    let other = Hive::start(3).await;
    invite(&ada);
    for hive in [&other, &ada] {
        let addresses = vec![hive.address()];
        bob.handle.found_nearby(Nearby { hive: hive.id, name: String::new(), addresses });
    }
    assert_eq!(bob.handle.accept("zoom zebra acid").await, Err(Refusal::WordsWrong));
    let words = ticket::words_of(&SECRET);
    assert_eq!(bob.handle.accept(&words.to_uppercase()).await, Ok(ada.id));
    until("both are connected", || ada.is_connected_to(&bob)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_cannot_be_tried_without_end() {
    let (ada, eve) = (Hive::start(1).await, Hive::start(3).await);
    invite(&ada);
    let places = vec![ada.address().into()];
    let mut refused = None;
    for _ in 0..20 {
        // Found anew each time, so that each try is a call of its own.
        let mut link = ticket::Link::read(&ada.handle.ticket([7; 16]).link).expect("a link");
        link.places.clone_from(&places);
        match eve.handle.accept(&link.write()).await {
            Err(Refusal::InvitationUnknown) => {}
            other => {
                refused = Some(other);
                break;
            }
        }
    }
    assert_eq!(refused, Some(Err(Refusal::SlowDown)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_not_let_in() {
    let (ada, eve) = (Hive::start(1).await, Hive::start(3).await);
    eve.befriend(&ada, vec![ada.address()], &[share(1)]);
    let why = || match eve.handle.standings().borrow().get(&ada.id) {
        Some(Standing::Away { why: Some(why) }) => why.to_string(),
        _ => String::new(),
    };
    until("a refusal", || why() == Refusal::NotFriends.to_string()).await;
    assert!(!ada.is_connected_to(&eve));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_friend_is_cut_off_at_once() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    link(&ada, &bob, &[share(1)]);
    until("both are connected", || ada.is_connected_to(&bob) && bob.is_connected_to(&ada)).await;
    let first = bob.save(share(1), "a", vec![1]);
    until("a file came", || ada.has(first)).await;
    ada.home.state().friends.clear();
    ada.tell_friends();
    let taken = ada.home.state().taken;
    let second = bob.save(share(1), "b", vec![2]);
    until("the friend sees it", || !bob.is_connected_to(&ada)).await;
    assert!(!ada.has(second));
    assert_eq!(ada.home.state().taken, taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_is_refused_with_words() {
    let (ada, bob) = (Hive::start(1).await, Hive::start_speaking(2, Some((9, 9))).await);
    link(&ada, &bob, &[share(1)]);
    let link = invite(&bob);
    assert_eq!(ada.handle.accept(&link).await, Err(Refusal::Newer));
    assert!(!ada.is_connected_to(&bob));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_friend_comes_back() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    link(&ada, &bob, &[share(1)]);
    until("both are connected", || ada.is_connected_to(&bob) && bob.is_connected_to(&ada)).await;
    let paused = |paused| {
        let limits = crate::Limits::default();
        let addresses = vec![ada.address().into()];
        vec![crate::Friend { hive: ada.id, addresses, paused, limits }]
    };
    bob.handle.set_friends(paused(true));
    until("they are apart", || !ada.is_connected_to(&bob) && !bob.is_connected_to(&ada)).await;
    bob.handle.set_friends(paused(false));
    until("both are connected", || ada.is_connected_to(&bob) && bob.is_connected_to(&ada)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hive_that_starts_again_is_found_again() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    link(&ada, &bob, &[share(1)]);
    until("both are connected", || ada.is_connected_to(&bob) && bob.is_connected_to(&ada)).await;
    ada.handle.stop().await;
    until("it is away", || !bob.is_connected_to(&ada)).await;
    let again = Hive::start(1).await;
    link(&again, &bob, &[share(1)]);
    bob.handle.network_changed();
    until("both are connected", || again.is_connected_to(&bob) && bob.is_connected_to(&again))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_may_call_at_once() {
    for round in 0..5 {
        let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
        ada.befriend(&bob, vec![bob.address()], &[share(1)]);
        bob.befriend(&ada, vec![ada.address()], &[share(1)]);
        let file = ada.save(share(1), "a", vec![round]);
        until("a file came", || bob.has(file)).await;
        until("both are connected", || ada.is_connected_to(&bob) && bob.is_connected_to(&ada))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_at_the_door_does_no_harm() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    for garbage in [vec![0; 10_000], vec![0xff; 10_000], b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        speak(ada.address(), &garbage).await;
    }
    link(&ada, &bob, &[share(1)]);
    let file = ada.save(share(1), "a", vec![1]);
    until("a file came", || bob.has(file)).await;
}

async fn speak(address: SocketAddr, garbage: &[u8]) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    // The hive may hang up before everything is said.
    stream.write_all(garbage).await.unwrap_or_default();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let ended = tokio::time::timeout(Duration::from_secs(15), read).await;
    assert!(ended.is_ok(), "the door stays open");
}
