//! What a bad invitation, an absent hive or garbage gets: a sentence with the next step, soon.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use checks::processes::{Circle, Computer, Outcome, eventually};
use checks::text;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// So long may a refusal take.
const SOON: Duration = Duration::from_secs(10);

fn refused(outcome: &Outcome, what: &str) {
    assert!(outcome.code != 0, "{what}: {outcome:?}");
    assert!(outcome.took < SOON, "{what}: {outcome:?}");
    let sentences = outcome.err.matches('.').count();
    assert!(sentences >= 1 && outcome.err.len() > 30, "{what}: {outcome:?}");
    assert!(!outcome.err.contains("panicked"), "{what}: {outcome:?}");
}

#[test]
fn a_bad_invitation_is_refused_in_words() {
    let mut ana = Computer::new("Ana");
    let mut bo = Computer::new("Bo");
    ana.start();
    bo.start();
    let revoked = ana.json(&["friend", "invite", "--json"]);
    let path = format!("/api/v1/invitations/{}", text(&revoked["id"]));
    assert!(ana.call("DELETE", &path, None).status < 300);
    refused(&bo.skep(&["friend", "add", &text(&revoked["link"])]), "revoked");
    let good = text(&ana.json(&["friend", "invite", "--json"])["link"]);
    refused(&ana.skep(&["friend", "add", &good]), "one's own");
    refused(&bo.skep(&["friend", "add", "apple", "apple", "apple"]), "wrong words");
    refused(&bo.skep(&["friend", "add", "skep:nonsense"]), "no invitation");
    refused(&bo.skep(&["friend", "add", &good[..good.len() - 4]]), "cut short");
    ana.kill();
    refused(&bo.skep(&["friend", "add", &good]), "unreachable");
    ana.start();
    bo.skep(&["friend", "add", &good]).is(0, "Ana");
}

#[test]
fn garbage_at_the_friends_door_disturbs_nobody() {
    let mut circle = Circle::new(&["Ana", "Bo"]);
    let mut chance = StdRng::seed_from_u64(1);
    let door = circle.computers[0].peers();
    let mut open = Vec::new();
    for round in 0..40 {
        let mut line = TcpStream::connect(door).expect("the door must be open");
        let mut bytes = vec![0_u8; chance.random_range(0..20_000)];
        chance.fill(&mut bytes[..]);
        if round % 2 == 0 {
            // The head of a TLS record, with a length that never comes.
            bytes.splice(0..0, [0x16, 3, 1, 0x3f, 0xff]);
        }
        // It may be refused before all is written.
        let _refused = line.write_all(&bytes);
        open.push(line);
    }
    std::fs::write(circle.folder(0).join("plan.md"), "plan\n").expect("written");
    eventually("the friend has it all the same", || {
        std::fs::read(circle.folder(1).join("plan.md")).is_ok_and(|text| text == b"plan\n")
    });
    circle.settled("with garbage at the door");
    assert!(circle.computers[0].is_running() && !circle.computers[0].log().contains("panicked"));
}
