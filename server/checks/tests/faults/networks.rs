//! Hives on machines of their own, in network namespaces: wires that are slow and lossy, that are
//! cut and put in again, and three words between neighbours.

use std::fs;
use std::time::{Duration, Instant};

use checks::processes::{Circle, Computer, Network, eventually, note};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A bad wireless network.
const BAD: &str = "delay 30ms 15ms loss 4% reorder 20%";

fn computer(network: &Network, at: usize, name: &str) -> Computer {
    let mut computer = Computer::new(name);
    computer.through = network.through(at);
    computer.variables.push(("SKEP_LISTEN_REACH".to_owned(), "network".to_owned()));
    computer
}

/// Whether any friend of a hive is online, as it tells.
fn meets_anybody(computer: &Computer) -> bool {
    let friends = computer.json(&["friend", "list", "--json"]);
    friends.as_array().into_iter().flatten().any(|friend| friend["online"] == true)
}

fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    StdRng::seed_from_u64(seed).fill(&mut content[..]);
    content
}

#[test]
fn three_machines_on_bad_wires_that_are_cut_lose_nothing() {
    let Some(network) = Network::new(3) else { return };
    // The other two meet through the first alone.
    network.wire((0, "10.77.1.1/24"), (1, "10.77.1.2/24"));
    network.wire((0, "10.77.2.1/24"), (2, "10.77.2.2/24"));
    let names = ["Ana", "Bo", "Cy"].into_iter().enumerate();
    let mut circle = Circle::of(names.map(|(at, name)| computer(&network, at, name)).collect());
    for at in 0..3 {
        circle.computers[at].write(&format!("Trip/{at}/own.txt"), format!("by {at}\n"));
    }
    circle.computers[0].write("Trip/both.bin", b"\0begun");
    circle.settled("wired");

    let mut ends = [(0, 1), (1, 0), (0, 2), (2, 0)].into_iter();
    let _disturbed = ends.all(|(at, other)| network.disturb(at, other, BAD));
    let since = Instant::now();
    for file in 0..60 {
        circle.computers[1].write(&format!("Trip/1/{file}.bin"), noise(file, 3_000));
    }
    circle.computers[2].write("Trip/2/large.bin", noise(99, 1_000_000));
    fs::rename(circle.folder(0).join("0"), circle.folder(0).join("moved")).expect("moved");
    let there = circle.settled("on bad wires");
    assert!(there.0.contains_key(std::path::Path::new("moved/own.txt")), "{there:#?}");
    note(&format!("in step on bad wires after {:?}", since.elapsed()));

    // A wire breaks in the middle of a content; all go on alone.
    circle.computers[0].write("Trip/moved/large.bin", noise(100, 4_000_000));
    network.plug(1, 0, false);
    circle.computers[0].write("Trip/both.bin", b"\0by Ana, alone");
    circle.computers[1].write("Trip/both.bin", b"\0by Bo, alone");
    circle.computers[1].write("Trip/1/own.txt", "by 1, alone\n");
    fs::remove_file(circle.folder(1).join("1/0.bin")).expect("removed");
    circle.computers[2].write("Trip/2/own.txt", "by 2, while Bo is cut off\n");
    let bo = &circle.computers[1];
    eventually("Bo knows that nobody is there", || !meets_anybody(bo));
    eventually("the others go on", || {
        fs::read(circle.folder(0).join("2/own.txt")).is_ok_and(|text| text.ends_with(b"off\n"))
    });
    network.plug(1, 0, true);
    let since = Instant::now();
    let there = circle.settled("wired again");
    note(&format!("in step {:?} after the wire was put in again", since.elapsed()));
    let stands = |name: &str| there.0.contains_key(std::path::Path::new(name));
    assert!(!stands("1/0.bin") && stands("moved/large.bin"), "{there:#?}");
    let read = |name: &str| fs::read_to_string(circle.folder(0).join(name)).expect("it is there");
    assert_eq!(read("1/own.txt"), "by 1, alone\n");
    for computer in &circle.computers {
        let two = computer.json(&["conflicts", "--json"]);
        assert_eq!(two.as_array().map(Vec::len), Some(1), "{}: {two}", computer.name);
        assert_eq!(two[0]["path"], "both.bin");
    }
}

#[test]
fn neighbours_see_each_other_and_join_by_words() {
    let Some(network) = Network::new(2) else { return };
    network.wire((0, "10.77.0.1/24"), (1, "10.77.0.2/24"));
    let (mut one, mut two) = (computer(&network, 0, "Ana"), computer(&network, 1, "Bo"));
    one.start();
    two.start();
    let is_nearby = |computer: &Computer, name: &str| {
        let all = computer.json(&["friend", "nearby", "--json"]);
        all.as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name))
    };
    let took =
        eventually("they see each other", || is_nearby(&one, "Bo") && is_nearby(&two, "Ana"));
    note(&format!("nearby after {took:?}"));
    one.folder("Trip");
    one.write("Trip/plan.md", "plan\n");
    let place = one.path("Trip").display().to_string();
    let invitation = one.json(&["friend", "invite", "--share", &place, "--edit", "--json"]);
    let words = invitation["words"].as_str().expect("there are words").to_owned();
    let refused = two.skep(&["friend", "add", "acid", "acid", "acid"]);
    assert!(refused.code != 0 && refused.took < Duration::from_secs(10), "{refused:?}");
    two.skep(&["friend", "add", &words]).is(0, "Ana");
    let folder = two.folder("There").display().to_string();
    two.skep(&["join", "Trip", &folder]).is(0, "");
    eventually("the file comes", || two.path("There/plan.md").exists());
}
