//! The hive dies, or is refused, at each call to the file system that a flow makes, one by one.

use std::fs;
use std::time::{Duration, Instant};

use checks::processes::{Blow, Computer, Picture, eventually, note, number};
use checks::{Page, Room};

/// The calls by which a flow becomes durable or visible. The n-th of each is counted by thread.
const DEADLY: [&str; 5] = [
    "fsync,fdatasync,syncfs",
    "rename,renameat,renameat2",
    "openat",
    "pwrite64,write",
    "unlink,unlinkat",
];
/// What a flow takes at the most, where the hive neither dies nor gets to its end.
const FLOW_MAX: Duration = Duration::from_secs(2);
/// How far the counting goes in everyday's run; a night's run goes on until the flow's end.
const CALLS: u64 = 3;

fn plan(computer: &Computer) -> Room {
    let path = computer.path("Trip/plan.md").display().to_string();
    let shared = computer.json(&["share", &path, "--edit", "--json"]);
    Room::of_yjs(&shared["yjs"])
}

/// Types one line and gives whether it was acknowledged; ends as soon as the connection is cut.
async fn type_line(page: &mut Page, line: &str, until_settled: impl Fn() -> bool) -> bool {
    page.type_at_end(line).await;
    let since = Instant::now();
    let mut saved = false;
    while since.elapsed() < FLOW_MAX && page.closed.is_none() {
        page.listen(Duration::from_millis(10)).await;
        saved |= page.is_saved();
        if saved && until_settled() {
            break;
        }
    }
    saved
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hive_may_die_at_any_call_while_a_document_is_stored_and_settled() {
    if !Blow::are_possible() {
        return;
    }
    let mut computer = Computer::new("Ana");
    computer.folder("Trip");
    let mut expected = "plan\n".to_owned();
    computer.write("Trip/plan.md", &expected);
    computer.start();
    let mut room = plan(&computer);
    let file = computer.path("Trip/plan.md");
    let (mut deaths, mut flows) = (0, 0);
    for calls in DEADLY {
        for at in 1..=u32::try_from(number("SKEP_CALLS", CALLS)).expect("a small number") {
            let now = format!("{calls}, call {at}");
            room = room.at(computer.address());
            let mut page = Page::join(10, &room).await;
            assert_eq!(page.text(), expected, "{now}");
            let trace = computer.trace(&Blow::death(calls, at));
            let line = format!("{now}\n");
            let longer = format!("{expected}{line}");
            let is_settled = || fs::read_to_string(&file).is_ok_and(|text| text == longer);
            let saved = type_line(&mut page, &line, is_settled).await;
            let fell = trace.fell();
            drop(trace);
            let died = fell && !computer.is_running();
            let on_disk = fs::read_to_string(&file).unwrap_or_default();
            assert!(on_disk == expected || on_disk == longer, "{now}: torn: {on_disk:?}");
            flows += 1;
            deaths += u32::from(died);
            computer.kill();
            computer.start();
            room = room.at(computer.address());
            let back = Page::join(11, &room).await.text();
            assert!(back == longer || (back == expected && !saved), "{now}: {saved} {back:?}");
            eventually("the file holds the text", || {
                fs::read_to_string(&file).is_ok_and(|text| text == back)
            });
            expected = back;
        }
    }
    assert!(deaths > 0, "no blow fell");
    note(&format!("{flows} flows, {deaths} deaths"));
    eventually("nothing half-written is left", || {
        Picture::of(&computer.path("Trip")).0.len() == 1 && parts(&computer).is_empty()
    });
}

/// Half-written files that a dead hive left.
fn parts(computer: &Computer) -> Vec<String> {
    let names = fs::read_dir(computer.path("Trip")).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(".skep-t")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_is_never_acknowledged_and_the_hive_recovers_by_itself() {
    if !Blow::are_possible() {
        return;
    }
    let mut computer = Computer::new("Ana");
    computer.folder("Trip");
    let mut expected = "plan\n".to_owned();
    computer.write("Trip/plan.md", &expected);
    computer.start();
    let mut room = plan(&computer);
    let file = computer.path("Trip/plan.md");
    let mut fell = 0;
    for error in ["EIO", "ENOSPC", "EDQUOT", "EROFS"] {
        for calls in ["fsync,fdatasync", "rename,renameat,renameat2", "pwrite64"] {
            let now = format!("{calls} gives {error}");
            let mut page = Page::join(10, &room).await;
            let blow = Blow {
                calls: calls.to_owned(),
                effect: format!("error={error}"),
                when: "1".to_owned(),
            };
            let trace = computer.trace(&blow);
            let line = format!("{now}\n");
            let longer = format!("{expected}{line}");
            let is_settled = || fs::read_to_string(&file).is_ok_and(|text| text == longer);
            let saved = type_line(&mut page, &line, is_settled).await;
            fell += u32::from(trace.fell());
            drop(trace);
            page.leave();
            assert!(computer.is_running(), "{now}: {}", computer.log());
            let on_disk = fs::read_to_string(&file).unwrap_or_default();
            assert!(on_disk == expected || on_disk == longer, "{now}: torn: {on_disk:?}");
            // What the hive holds in memory and what it acknowledged must be one.
            computer.kill();
            computer.start();
            room = room.at(computer.address());
            let back = Page::join(11, &room).await.text();
            assert!(back == longer || (back == expected && !saved), "{now}: {saved} {back:?}");
            eventually("the file holds the text", || {
                fs::read_to_string(&file).is_ok_and(|text| text == back)
            });
            expected = back;
        }
    }
    note(&format!("{fell} of 12 errors were met"));
    assert!(fell > 0, "no blow fell");
}
