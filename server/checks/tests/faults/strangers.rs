//! Whoever speaks like a hive and means no good: a sentence soon, a bounded cost, no effect on
//! anything that is not theirs.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use checks::processes::{Circle, Computer, Line, Stranger, eventually, secret_of};
use checks::text;
use types::ShareId;

const SOON: Duration = Duration::from_secs(10);
/// How much a hive may grow by what strangers do, in KiB.
const GROWTH_KIB_MAX: u64 = 64 * 1_024;

/// What a hive holds in memory, in KiB.
fn resident(computer: &Computer) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", computer.pid()));
    let status = status.expect("a process must tell");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a number")
}

fn befriended(ana: &Computer, stranger: &Stranger, door: SocketAddr) -> Line {
    let link = text(&ana.json(&["friend", "invite", "--json"])["link"]);
    let mut line = stranger.call(door).expect("a line");
    line.say_hello(3, 3, Some(secret_of(&link))).expect("said");
    line.hear().expect("a hello");
    assert_eq!(line.hear().expect("a verdict"), [0], "they must be welcome");
    line
}

fn share_of(computer: &mut Computer) -> ShareId {
    text(&computer.get("/api/v1/shares")[0]["id"]).parse().expect("an id")
}

#[test]
fn a_friend_changes_nothing_without_the_right() {
    let mut circle = Circle::new(&["Ana", "Bo"]);
    fs::write(circle.folder(0).join("plan.md"), "plan\n").expect("written");
    let before = circle.settled("begun");
    let share = share_of(&mut circle.computers[0]);
    let mallory = Stranger::new(66);
    let door = circle.computers[0].peers();
    let mut line = befriended(&circle.computers[0], &mallory, door);
    // A share of which they are no member, whatever round they make up.
    for round in 0..4 {
        let forged = [mallory.folder(share, "forged")];
        line.say_records(share, round, 1, &forged).expect("said");
    }
    let place = circle.folder(0).display().to_string();
    circle.computers[0].skep(&["share", &place, "--with", "Mallory", "--view"]).is(0, "");
    let round = line.until_followed(share).expect("they are a member");
    line.say_records(share, round, 1, &[mallory.folder(share, "forged")]).expect("said");
    line.until_taken(1).expect("it is taken, and dropped");
    fs::write(circle.folder(0).join("after.md"), "after\n").expect("written");
    eventually("what came after is there", || circle.folder(1).join("after.md").is_file());
    fs::remove_file(circle.folder(0).join("after.md")).expect("removed");
    eventually("all is as before", || circle.picture(0) == before && circle.picture(1) == before);
    circle.computers[0].skep(&["share", &place, "--with", "Mallory", "--edit"]).is(0, "");
    let round = line.until_followed(share).expect("what was refused is asked for anew");
    let name = "made by right";
    eventually("with the right it counts", || {
        line.say_records(share, round, 2, &[mallory.folder(share, name)]).expect("said");
        circle.folder(1).join(name).is_dir()
    });
    assert!(!circle.folder(0).join("forged").exists());
    let log = circle.computers[0].log();
    assert!(!log.contains("panicked"), "{log}");
}

/// Something senseless to say.
type Bomb<'a> = &'a dyn Fn(&mut Line) -> std::io::Result<()>;

#[test]
fn oversized_and_senseless_words_end_the_line_and_cost_little() {
    let mut circle = Circle::new(&["Ana", "Bo"]);
    let share = share_of(&mut circle.computers[0]);
    let door = circle.computers[0].peers();
    let mallory = Stranger::new(66);
    drop(befriended(&circle.computers[0], &mallory, door));
    let before = resident(&circle.computers[0]);
    let bombs: [Bomb; 5] = [
        // A length of 4 GiB, then of 1 GiB with some of it.
        &|line| line.control.write_all(&[0xff, 0xff, 0xff, 0xff, 0]),
        &|line| line.control.write_all(&[&[0, 0, 0, 0x40, 0][..], &[7; 100_000]].concat()),
        &|line| line.bulk.write_all(&[0xff, 0xff, 0xff, 0xff, 1]),
        // Words that mean nothing, and a position that was never sent.
        &|line| line.say(&[0xff; 40]),
        &|line| {
            let taken = (3_u32, share, 1_u32, u64::MAX);
            line.say(&postcard::to_stdvec(&taken).expect("words"))?;
            line.say(&[0xfe; 3])
        },
    ];
    for (at, bomb) in bombs.iter().enumerate() {
        let mut line = mallory.call(door).expect("a line");
        line.say_hello(3, 3, None).expect("said");
        line.hear().expect("a hello");
        assert_eq!(line.hear().expect("a verdict"), [0], "bomb {at}: a friend is welcome");
        // It may be cut while it is still said.
        let _cut = bomb(&mut line);
        let since = std::time::Instant::now();
        while line.hear().is_ok() {
            assert!(since.elapsed() < SOON, "bomb {at}: the line is not cut");
        }
        assert!(since.elapsed() < SOON, "bomb {at}");
    }
    // A stranger's first words are bounded too.
    let mut line = Stranger::new(67).call(door).expect("a line");
    let _cut = line.control.write_all(&[&[0, 0, 1, 0, 0][..], &[7; 65_536]].concat());
    while line.hear().is_ok() {}
    let grown = resident(&circle.computers[0]).saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "it grew by {grown} KiB");
    fs::write(circle.folder(0).join("after.md"), "after\n").expect("written");
    circle.settled("after all that");
}

#[test]
fn a_friend_is_let_in_while_very_many_dawdle_at_the_door() {
    let mut circle = Circle::new(&["Ana", "Bo"]);
    let door = circle.computers[0].peers();
    circle.computers[1].stop();
    let before = resident(&circle.computers[0]);
    let mut dawdlers: Vec<TcpStream> = Vec::new();
    for _ in 0..300 {
        let Ok(mut line) = TcpStream::connect_timeout(&door, SOON) else { break };
        if dawdlers.len().is_multiple_of(2) {
            // The beginning of a handshake, of which the rest never comes.
            let _refused = line.write_all(&[0x16, 3, 1, 0, 200, 1]);
        }
        dawdlers.push(line);
    }
    fs::write(circle.folder(0).join("plan.md"), "plan\n").expect("written");
    let since = std::time::Instant::now();
    circle.computers[1].start();
    eventually("the friend has it", || circle.folder(1).join("plan.md").is_file());
    let took = since.elapsed();
    assert!(took < SOON, "it took {took:?} with {} at the door", dawdlers.len());
    let grown = resident(&circle.computers[0]).saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "it grew by {grown} KiB");
    circle.settled("with dawdlers");
}

#[test]
fn another_protocol_is_told_in_words() {
    let mut bo = Computer::new("Bo");
    bo.start();
    let door = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mallory = Stranger::new(66);
    for ((newest, oldest), words) in [((9, 9), "newer"), ((0, 0), "older")] {
        let link = mallory.link(door.local_addr().expect("an address"));
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut line = mallory.answer(&door).expect("a line");
                line.say_hello(newest, oldest, None).expect("said");
                while line.hear().is_ok() {}
            });
            bo.skep(&["friend", "add", &link])
        });
        assert!(outcome.code != 0 && outcome.took < SOON, "{outcome:?}");
        assert!(outcome.err.contains(words) && outcome.err.contains("up to date"), "{outcome:?}");
    }
}

#[test]
fn an_invitation_is_good_for_one() {
    let computers = ["Ana", "Bo", "Cy"].map(|name| {
        let mut computer = Computer::new(name);
        computer.start();
        computer
    });
    let [ana, bo, cy] = &computers;
    let link = text(&ana.json(&["friend", "invite", "--json"])["link"]);
    bo.skep(&["friend", "add", &link]).is(0, "Ana");
    let refused = cy.skep(&["friend", "add", &link]);
    assert!(refused.code != 0 && refused.took < SOON, "{refused:?}");
    assert!(refused.err.contains("used") && refused.err.contains("new one"), "{refused:?}");
}
