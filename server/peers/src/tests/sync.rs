//! Records and contents between hives, over networks that break.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::hive::{Hive, link, noise, share, until};
use super::proxy::Proxy;
use crate::Limits;

const MIB: usize = 1_024 * 1_024;

/// Two hives with a counted network between them.
async fn pair() -> (Hive, Hive, Proxy) {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    let proxy = Proxy::to(ada.address()).await;
    ada.befriend(&bob, Vec::new(), &[share(1)]);
    bob.befriend(&ada, vec![proxy.address], &[share(1)]);
    until("both are connected", || ada.is_connected_to(&bob) && bob.is_connected_to(&ada)).await;
    (ada, bob, proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_go_both_ways_with_their_records() {
    let (ada, bob, _proxy) = pair().await;
    for index in 0..50 {
        ada.save(share(1), &format!("ada {index}"), noise(index, 100));
        bob.save(share(1), &format!("bob {index}"), noise(1_000 + index, 5_000));
    }
    until("both are equal", || ada.equals(&bob, share(1))).await;
    assert_eq!(bob.home.said(share(1)).len(), 100);
    let in_step = |one: &Hive, two: &Hive| {
        let progress = one.handle.progress();
        let progress = progress.borrow();
        let found = progress.get(&two.id).and_then(|shares| shares.get(&share(1)));
        found.is_some_and(|one| {
            one.records_in_step && one.theirs.is_some_and(|theirs| theirs.files == 0)
        })
    };
    until("both say so", || in_step(&ada, &bob) && in_step(&bob, &ada)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_files_come_at_the_first_meeting() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    for index in 0..2_500 {
        ada.save(share(1), &format!("{index}"), noise(index, 200));
    }
    link(&ada, &bob, &[share(1)]);
    until("both are equal", || {
        bob.home.state().contents.len() == 2_500 && ada.equals(&bob, share(1))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_friend_may_not_have_is_not_sent() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    ada.befriend(&bob, Vec::new(), &[share(1)]);
    bob.befriend(&ada, vec![ada.address()], &[share(1), share(2)]);
    let secret = ada.save(share(2), "secret", vec![7; 100]);
    let open = ada.save(share(1), "open", vec![8; 100]);
    until("the open file came", || bob.has(open)).await;
    assert!(!bob.has(secret));
    assert!(bob.home.said(share(2)).is_empty());
    ada.befriend(&bob, Vec::new(), &[share(1), share(2)]);
    until("now it may", || bob.has(secret)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_never_meet_catch_up_through_a_third() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    let carol = Hive::start(3).await;
    link(&carol, &ada, &[share(1)]);
    let files: Vec<_> =
        (0..30).map(|index| ada.save(share(1), &format!("{index}"), noise(index, 3_000))).collect();
    until("the third has it all", || ada.equals(&carol, share(1))).await;
    ada.handle.stop().await;
    link(&carol, &bob, &[share(1)]);
    until("it came", || files.iter().all(|file| bob.has(*file))).await;
    let back = bob.save(share(1), "0", noise(99, 10));
    until("it went on", || carol.has(back)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_could_not_be_taken_come_again() {
    let (ada, bob, _proxy) = pair().await;
    bob.home.state().refuse_takes = 1;
    let file = ada.save(share(1), "a", vec![1]);
    until("it came", || bob.has(file) && ada.equals(&bob, share(1))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_more_in_front_costs_next_to_nothing() {
    let (ada, bob, proxy) = pair().await;
    let mut bytes = noise(1, 64 * MIB);
    let first = ada.save(share(1), "large", bytes.clone());
    until("the first came", || bob.has(first)).await;
    until("quiet", || ada.equals(&bob, share(1))).await;
    let before = proxy.bytes();
    bytes.insert(0, 7);
    let second = ada.save(share(1), "large", bytes.clone());
    until("the second came", || bob.has(second)).await;
    let sent = proxy.bytes() - before;
    assert!(sent <= 2_048, "{sent} bytes for one");
    let before = proxy.bytes();
    let change = noise(2, 4_096);
    bytes[30 * MIB..30 * MIB + 4_096].copy_from_slice(&change);
    bytes.extend(noise(3, 10_000));
    let third = ada.save(share(1), "large", bytes.clone());
    until("the third came", || bob.has(third)).await;
    let sent = proxy.bytes() - before;
    assert!(sent <= 4_096 + 10_000 + 2_048, "{sent} bytes for 14096");
    let before = proxy.bytes();
    bytes.extend(noise(4, MIB));
    let fourth = ada.save(share(1), "large", bytes);
    until("the fourth came", || bob.has(fourth)).await;
    let sent = proxy.bytes() - before;
    println!("{sent} bytes for 1 MiB");
    assert!(sent <= (MIB + 2_560) as u64, "{sent} bytes for 1 MiB");
}

/// Sends a second content of which the sender knows only where the first one was cut; gives how
/// many bytes went over the network.
async fn sent_by_outline(first: &[u8], second: &[u8], instead: Option<&[u8]>) -> u64 {
    let (ada, bob, proxy) = pair().await;
    let old = ada.save(share(1), "large", first.to_vec());
    until("the first came", || bob.has(old) && ada.equals(&bob, share(1))).await;
    ada.forget(old, instead);
    let before = proxy.bytes();
    let new = ada.save(share(1), "large", second.to_vec());
    until("the second came", || bob.has(new)).await;
    assert!(bob.home.state().contents[&new].as_slice() == second);
    proxy.bytes() - before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_needs_no_more_than_the_outline_of_the_base() {
    let first = noise(1, 64 * MIB);
    let mut second = first.clone();
    second.insert(0, 7);
    let sent = sent_by_outline(&first, &second, None).await;
    println!("{sent} bytes for one");
    assert!(sent <= 1 + 2_048, "{sent} bytes for one");
    second.remove(0);
    second[30 * MIB..30 * MIB + 4_096].copy_from_slice(&noise(2, 4_096));
    let sent = sent_by_outline(&first, &second, None).await;
    println!("{sent} bytes for 4096");
    assert!(sent <= 4_096 + 2_048, "{sent} bytes for 4096");
    second.extend(noise(3, MIB));
    let sent = sent_by_outline(&first, &second, None).await;
    println!("{sent} bytes for {}", MIB + 4_096);
    assert!(sent <= (MIB + 4_096 + 4_096) as u64, "{sent} bytes for 1 MiB and 4 KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_difference_is_followed_by_the_whole() {
    let first = noise(1, 4 * MIB);
    let mut second = first.clone();
    second[0] ^= 1;
    // The sender takes the base for another one than it was.
    let mut wrong = noise(9, 4 * MIB);
    wrong[..MIB].copy_from_slice(&second[3 * MIB..]);
    let sent = sent_by_outline(&first, &second, Some(&wrong)).await;
    assert!(sent > 4 * MIB as u64, "{sent} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_transfer_goes_on_where_it_was() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let (ada, bob, proxy) = pair().await;
    let size = 64 * MIB;
    let at = chance.random_range(0..size as u64);
    proxy.cut_after(at);
    let before = proxy.bytes();
    let file = ada.save(share(1), "large", noise(seed, size));
    until("it was cut", || proxy.cuts() > 0 || bob.has(file)).await;
    bob.handle.network_changed();
    until("it came", || bob.has(file)).await;
    let sent = proxy.bytes() - before;
    assert!(sent as f64 <= size as f64 * 1.01, "{sent} bytes for {size}, cut at {at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_comes_from_several_hives() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    let carol = Hive::start(3).await;
    let bytes = noise(5, 48 * MIB);
    let file = ada.save(share(1), "large", bytes.clone());
    carol.save(share(1), "large", bytes);
    let (to_ada, to_carol) = (Proxy::to(ada.address()).await, Proxy::to(carol.address()).await);
    ada.befriend(&bob, Vec::new(), &[share(1)]);
    carol.befriend(&bob, Vec::new(), &[share(1)]);
    bob.befriend(&ada, vec![to_ada.address], &[]);
    bob.befriend(&carol, vec![to_carol.address], &[]);
    until("all are connected", || bob.is_connected_to(&ada) && bob.is_connected_to(&carol)).await;
    bob.befriend(&ada, vec![to_ada.address], &[share(1)]);
    bob.befriend(&carol, vec![to_carol.address], &[share(1)]);
    until("it came", || bob.has(file)).await;
    let (one, two) = (to_ada.bytes(), to_carol.bytes());
    assert!(((one + two) as f64) < 49.0 * MIB as f64, "{one} and {two} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn hives_become_equal_whatever_the_network_does() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let hives = [Hive::start(1).await, Hive::start(2).await, Hive::start(3).await];
    let mut proxies = Vec::new();
    for (from, to) in [(1, 0), (2, 1), (2, 0)] {
        let proxy = Proxy::to(hives[to].address()).await;
        hives[to].befriend(&hives[from], Vec::new(), &[share(1)]);
        hives[from].befriend(&hives[to], vec![proxy.address], &[share(1)]);
        proxies.push(proxy);
    }
    for step in 0..150 {
        let hive = &hives[chance.random_range(0..3)];
        let name = format!("{}", chance.random_range(0..30));
        let size = match chance.random_range(0..10) {
            0 => chance.random_range(0..2 * MIB),
            1 => 0,
            _ => chance.random_range(0..10_000),
        };
        hive.save(share(1), &name, noise(seed ^ step, size));
        match chance.random_range(0..8) {
            0 => proxies[chance.random_range(0..3)].cut(),
            1 => {
                let bytes = chance.random_range(0..200_000);
                proxies[chance.random_range(0..3)].cut_after(bytes);
            }
            2 => hives[chance.random_range(0..3)].handle.network_changed(),
            3 => tokio::task::yield_now().await,
            _ => {}
        }
    }
    until("all are equal", || {
        hives.iter().for_each(|hive| hive.handle.network_changed());
        hives[0].equals(&hives[1], share(1)) && hives[1].equals(&hives[2], share(1))
    })
    .await;
}

/// A limit for all in one direction, or for one friend: what lies behind it takes its time, what
/// is small and new does not wait for it, and without it the rest comes at once.
async fn a_limit_holds(limit: impl Fn(&Hive, &Hive, Limits), slow: Limits) {
    let (ada, bob, _proxy) = pair().await;
    limit(&ada, &bob, slow);
    let begun = std::time::Instant::now();
    let large = ada.save(share(1), "large", noise(1, 300_000));
    until("the large one is on its way", || {
        let progress = bob.handle.progress();
        let progress = progress.borrow();
        let found = progress.get(&ada.id).and_then(|shares| shares.get(&share(1)));
        found.is_some_and(|one| one.theirs.is_some() && bob.home.said(share(1)).len() == 1)
    })
    .await;
    let urgent = ada.save(share(1), "urgent", noise(2, 4_096));
    until("the small one came", || bob.has(urgent)).await;
    assert!(!bob.has(large), "it came in {:?}", begun.elapsed());
    limit(&ada, &bob, Limits::default());
    until("the large one came", || bob.has(large)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_links_keep_to_a_limit_that_can_be_lifted() {
    let slow = Limits { up: 2_000, down: 0 };
    a_limit_holds(|ada, _, limits| ada.handle.set_limits(limits), slow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_with_one_friend_keeps_to_its_limit() {
    let slow = Limits { up: 2_000, down: 0 };
    let limit = |ada: &Hive, bob: &Hive, limits| {
        ada.home.state().limits.insert(bob.id, limits);
        ada.tell_friends();
    };
    a_limit_holds(limit, slow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_keeps_to_a_limit_too() {
    let slow = Limits { up: 0, down: 2_000 };
    a_limit_holds(|_, bob, limits| bob.handle.set_limits(limits), slow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_a_hive_is_goes_round_through_those_who_meet_it() {
    let (ada, bob) = (Hive::start(1).await, Hive::start(2).await);
    let hub = Hive::start(3).await;
    link(&hub, &ada, &[share(1)]);
    let file = ada.save(share(1), "a", noise(1, 3_000));
    until("the hub has it", || hub.has(file)).await;
    let known = |of: &Hive| bob.handle.last_known(share(1)).get(&of.id).copied();
    let in_step = |of: &Hive| known(of).is_some_and(|known| known.in_step && known.lag.files == 0);
    link(&hub, &bob, &[share(1)]);
    until("Bob heard of Ada, whom he never met", || in_step(&ada)).await;
    let before = known(&ada).expect("it is known").at;
    ada.handle.stop().await;
    until("and that she went", || known(&ada).is_some_and(|known| known.at > before)).await;
    assert!(known(&bob).is_none(), "nobody tells him of himself");
}
