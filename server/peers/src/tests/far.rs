//! Hives that share no address: through a relay, and past it where they can.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::hive::{Hive, Invitation, noise, share, until};
use crate::{Doors, Far, Place, Relay, Standing, Way, ticket};

const SECRET: [u8; 16] = [42; 16];

async fn relay() -> (Relay, Place) {
    let relay = Relay::open(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("it opens");
    let place = format!("http://{}", relay.address()).parse().expect("a place");
    (relay, place)
}

/// A hive without TCP that waits at a relay. `only` is where its UDP listens: hives on different
/// families cannot see each other.
async fn far(number: u8, relay: &Place, only: IpAddr) -> Hive {
    let far = Far { port: 0, only: vec![only], relays: vec![relay.clone()], map_ports: false };
    Hive::start_with(number, None, Doors { far: Some(far), ..Doors::default() }).await
}

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

#[tokio::test(flavor = "multi_thread")]
async fn hives_without_a_path_meet_at_a_relay() {
    let (relay, place) = relay().await;
    let (ada, bob) = (far(1, &place, V4).await, far(2, &place, V6).await);
    let words = ticket::words_of(&SECRET);
    let invitation = Invitation { expired: false, used_by: None, words, share: share(1) };
    ada.home.state().invitations.insert(SECRET, invitation);
    let link = ada.handle.ticket(SECRET).link;
    assert!(link.len() < 200, "{} bytes", link.len());
    assert_eq!(bob.handle.accept(&link).await, Ok(ada.id));
    until("both are connected", || ada.is_connected_to(&bob) && bob.is_connected_to(&ada)).await;
    assert_eq!((ada.way_to(&bob), bob.way_to(&ada)), (Some(Way::Relay), Some(Way::Relay)));

    bob.home.state().shares.entry(ada.id).or_default().insert(share(1));
    bob.handle.shares_changed(Some(ada.id));
    let small = ada.save(share(1), "a", vec![1]);
    let large = bob.save(share(1), "b", noise(1, 3_000_000));
    until("files came", || bob.has(small) && ada.has(large)).await;
    assert_eq!(bob.home.state().friends[&ada.id], vec![place]);
    relay.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hives_that_can_see_each_other_leave_the_relay() {
    let (relay, place) = relay().await;
    let (ada, bob) = (far(1, &place, V4).await, far(2, &place, V4).await);
    ada.befriend(&bob, Vec::new(), &[share(1)]);
    bob.befriend_at(&ada, vec![place], &[share(1)]);
    until("both are connected", || ada.is_connected_to(&bob) && bob.is_connected_to(&ada)).await;
    until("past the relay", || ada.way_to(&bob) == Some(Way::Lan)).await;
    relay.close().await;
    let file = ada.save(share(1), "a", vec![1]);
    until("a file came without the relay", || bob.has(file)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_goes_before_the_relay() {
    let (relay, place) = relay().await;
    let far = |number: u8| {
        let far = Far { port: 0, only: vec![V4], relays: vec![place.clone()], map_ports: false };
        let listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        Hive::start_with(number, None, Doors { listen, far: Some(far), ..Doors::default() })
    };
    let (ada, bob) = (far(1).await, far(2).await);
    ada.befriend(&bob, Vec::new(), &[share(1)]);
    bob.befriend_at(&ada, ada.handle.places(), &[share(1)]);
    until("both are connected", || ada.is_connected_to(&bob) && bob.is_connected_to(&ada)).await;
    assert_eq!(bob.way_to(&ada), Some(Way::Lan));
    relay.close().await;
    let file = ada.save(share(1), "a", vec![1]);
    until("a file came", || bob.has(file)).await;
    assert!(bob.handle.places().contains(&place));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_come_through_a_relay_too() {
    let (relay, place) = relay().await;
    let (ada, eve) = (far(1, &place, V4).await, far(3, &place, V6).await);
    eve.befriend_at(&ada, vec![place], &[share(1)]);
    let why = || match eve.handle.standings().borrow().get(&ada.id) {
        Some(Standing::Away { why: Some(why) }) => why.to_string(),
        _ => String::new(),
    };
    until("a refusal", || why() == crate::Refusal::NotFriends.to_string()).await;
    assert!(!ada.is_connected_to(&eve));
    relay.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_hive_says_what_would_help() {
    let (relay, place) = relay().await;
    let (ada, bob) = (far(1, &place, V4).await, Hive::start(2).await);
    let link = ada.handle.ticket(SECRET).link;
    let refused = bob.handle.accept(&link).await.expect_err("it has no way").to_string();
    assert!(refused.contains("open to the internet"), "{refused}");
    assert!(refused.contains(&place.to_string()), "{refused}");
    relay.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_far_door_opens_and_closes_while_the_hive_runs() {
    let (relay, place) = relay().await;
    let (ada, bob) = (Hive::start(1).await, far(2, &place, V6).await);
    ada.befriend_at(&bob, vec![place.clone()], &[share(1)]);
    bob.befriend_at(&ada, vec![place.clone()], &[share(1)]);
    let far = Far { port: 0, only: vec![V4], relays: vec![place.clone()], map_ports: false };
    ada.handle.listen(Doors { far: Some(far), ..Doors::default() }).await.expect("it opens");
    until("both are connected", || ada.is_connected_to(&bob) && bob.is_connected_to(&ada)).await;
    ada.handle.listen(Doors::default()).await.expect("it closes");
    until("both are apart", || !ada.is_connected_to(&bob) && !bob.is_connected_to(&ada)).await;
    assert_eq!(ada.handle.places(), Vec::new());
    relay.close().await;
}
