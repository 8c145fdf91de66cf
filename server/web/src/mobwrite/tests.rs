//! Any text survives the wire; clients that type at once and lose answers come to the same text.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytes::Bytes;
use documents::{Edit, Mirror, Mirrored, Moment};
use proptest::prelude::*;
use tokio::time::Instant;

use super::delta::{self, Change, Counts};
use super::escape::{escape, unescape};
use super::request::{self, Action, Does, Parts};
use super::view::{Lost, Text, View};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn read(request: &str) -> Vec<Action> {
    request::read(request, &mut Parts::default(), HERE, Instant::now())
}

#[test]
fn lines_are_read_one_by_one_and_strange_ones_are_passed_over() {
    let found =
        read("U:me\nf:7:plan\nwhat is this\nz:1\nd:x:=1\nd::=1\nd:3:=2\t+a%20b\n\nd:4:=1\n\n");
    let does = Does::Delta { number: 3, force: false, delta: "=2\t+a%20b".to_owned() };
    let (user, file) = ("me".to_owned(), "plan".to_owned());
    assert_eq!(found, [Action { user, file, echo: true, seen: 7, does }]);
    assert_eq!(read("u:me\nf:0:plan\nr:0:text\n"), [], "it does not end with an empty line");
    for (end, ends) in [("\r\n", "\r\n\r\n"), ("\r", "\r\r"), ("\n", "\n\r\n\r")] {
        let found = read(&format!("u:me{end}f:0:plan{end}R:0:a%0Ab{ends}"));
        let does = Does::Raw { number: 0, force: true, text: "a\nb".to_owned() };
        assert_eq!(found.first().map(|action| &action.does), Some(&does), "{ends:?}");
    }
}

#[test]
fn a_request_in_parts_is_put_together_and_too_many_parts_are_forgotten() {
    let mut now = Instant::now();
    let mut parts = Parts::default();
    let mut part = |line: &str| {
        now += Duration::from_secs(1);
        request::read(&format!("b:{line}\n\n"), &mut parts, HERE, now)
    };
    assert_eq!(part("one 2 2 %0Ar%3A0%3Ahi%0A"), []);
    let found = part("one 2 1 u%3Ame%0Af%3A0%3Aplan");
    let does = Does::Raw { number: 0, force: false, text: "hi".to_owned() };
    assert_eq!(found.first().map(|action| &action.does), Some(&does));
    for wrong in ["x 2 3 a", "x 0 0 a", "x 2 0 a", "x 2", "x 20000 1 a", "x a b c"] {
        assert_eq!(part(wrong), [], "{wrong}");
    }
    assert_eq!(part("two 2 2 %0Ar%3A0%3Ahi%0A"), []);
    for other in 0..40 {
        assert_eq!(part(&format!("more{other} 2 1 x")), []);
    }
    assert_eq!(part("two 2 1 u%3Ame%0Af%3A0%3Aplan"), [], "the oldest gave way");
}

#[test]
fn lengths_count_utf16_units_and_characters_only_where_these_alone_fit() {
    let units = delta::read("=1\t+x\t=2", "a😀").unwrap();
    assert_eq!((units.after.as_str(), units.counts), ("ax😀", Counts::Units));
    let characters = delta::read("=1\t+x\t=1", "a😀").unwrap();
    assert_eq!((characters.after.as_str(), characters.counts), ("ax😀", Counts::Characters));
    assert_eq!(delta::write("a😀b", "a😀xb", Counts::Units), "=3\t+x\t=1");
    assert_eq!(delta::write("a😀b", "a😀xb", Counts::Characters), "=2\t+x\t=1");
    // Half of one emoji and half of the next make a third.
    let halves = delta::read("=1\t-2\t=1", "\u{1f600}\u{1f601}").unwrap();
    assert_eq!(halves.after, "\u{1f601}");
    for wrong in
        ["=1\t-1\t=2", "=1", "=9", "=", "x", "=-1", "=99999999999999999999", "=1\t+%ff\t=2"]
    {
        assert_eq!(delta::read(wrong, "a😀"), None, "{wrong}");
    }
}

/// Who acts, whether they type, where, and whether the answer is lost.
fn turn() -> impl Strategy<Value = (usize, u8, u32, bool)> {
    (0..3_usize, 0..4_u8, any::<u32>(), any::<bool>())
}

proptest! {
    #[test]
    fn any_text_survives_a_line(text in any::<String>()) {
        let mut line = String::new();
        escape(&text, &mut line);
        prop_assert!(!line.contains(['\n', '\r', '\t']));
        prop_assert_eq!(unescape(&line), Some(text));
    }

    #[test]
    fn any_two_texts_make_a_delta(before in "[ab😀é\n]{0,40}", after in "[ab😀é\n]{0,40}") {
        let written = delta::write(&before, &after, Counts::Units);
        let read = delta::read(&written, &before).map(|applied| applied.after);
        prop_assert_eq!(read, Some(after.clone()));
        let written = delta::write(&before, &after, Counts::Characters);
        let read = delta::read(&written, &before).map(|applied| applied.after);
        prop_assert_eq!(read, Some(after));
    }

    #[test]
    fn no_request_is_too_strange(pieces in proptest::collection::vec(
        "[ufdrnmbxUFDRNMBX]:|[0-9]{1,3}:|[=+-][0-9]{1,20}|\t|\n|%[0-9A-F]{2}|[a-z 😀]{1,4}", 0..60,
    )) {
        let request = pieces.concat() + "\n\n";
        let mut page = Page::default();
        let mut views: HashMap<(String, String), View<Moment>> = HashMap::new();
        for action in read(&request) {
            let key = (action.user.clone(), action.file.clone());
            let view = views.entry(key).or_insert_with(View::new);
            prop_assert!(view.visit(&[action], &mut page, true, true).is_ok());
        }
    }

    #[test]
    fn clients_that_type_at_once_and_lose_answers_come_to_one_text(
        turns in proptest::collection::vec(turn(), 1..60),
    ) {
        let mut room = Vec::new();
        let mut clients: Vec<Client> = (0..3).map(Client::new).collect();
        clients[0].text = "wörds 😀 to begin with".to_owned();
        for client in &mut clients {
            client.join(&mut room)?;
        }
        let mut typed = Vec::new();
        for (turn, (who, kind, chance, lost)) in turns.into_iter().enumerate() {
            let client = &mut clients[who];
            if kind > 0 {
                let tag = format!("<{turn}>");
                client.insert(chance, &tag);
                typed.push(tag);
            }
            client.exchange(&mut room, lost)?;
        }
        for _ in 0..3 {
            for client in &mut clients {
                client.exchange(&mut room, false)?;
            }
        }
        let text = clients[0].text.clone();
        for client in &clients {
            prop_assert_eq!(&client.text, &text);
        }
        for tag in typed {
            prop_assert_eq!(text.matches(&tag).count(), 1, "{} in {}", tag, text);
        }
        prop_assert!(text.contains('😀'));
    }
}

struct Page {
    mirror: Mirror,
    frames: Vec<Bytes>,
}

impl Default for Page {
    fn default() -> Self {
        Self { mirror: Mirror::new(7), frames: Vec::new() }
    }
}

impl Text for Page {
    type Moment = Moment;

    fn text(&self) -> String {
        self.mirror.text()
    }

    fn moment(&self) -> Moment {
        self.mirror.moment()
    }

    fn change(&mut self, at: &Moment, changes: &[Change]) -> Result<Moment, Lost> {
        let edits: Vec<Edit<'_>> = changes.iter().map(Change::as_edit).collect();
        let (frame, after) = self.mirror.edit(at, &edits).map_err(|_| Lost)?;
        self.frames.push(frame);
        Ok(after)
    }

    fn may_edit(&self) -> bool {
        true
    }
}

/// A client as the JavaScript one is, and the hive's view of it.
struct Client {
    user: String,
    text: String,
    shadow: String,
    from_client: i64,
    from_hive: i64,
    unseen: Vec<String>,
    view: View<Moment>,
    page: Page,
    heard: usize,
}

impl Client {
    fn new(number: u32) -> Self {
        Self {
            user: format!("client{number}"),
            text: String::new(),
            shadow: String::new(),
            from_client: 0,
            from_hive: 0,
            unseen: Vec::new(),
            view: View::new(),
            page: Page { mirror: Mirror::new(100 + number), frames: Vec::new() },
            heard: 0,
        }
    }

    fn insert(&mut self, chance: u32, tag: &str) {
        // Never inside of another tag, so that each can be found again.
        let places: Vec<usize> = (0..=self.text.len())
            .filter(|at| self.text.is_char_boundary(*at))
            .filter(|at| {
                let before = &self.text[..*at];
                before.matches('<').count() == before.matches('>').count()
            })
            .collect();
        self.text.insert_str(places[chance as usize % places.len()], tag);
    }

    fn join(&mut self, room: &mut Vec<Bytes>) -> Result<(), TestCaseError> {
        let mut line = String::new();
        escape(&self.text, &mut line);
        self.shadow = self.text.clone();
        self.from_client = 1;
        self.send(room, &format!("r:1:{line}\n"), false)
    }

    fn exchange(&mut self, room: &mut Vec<Bytes>, lost: bool) -> Result<(), TestCaseError> {
        let delta = delta::write(&self.shadow, &self.text, Counts::Units);
        self.unseen.push(format!("d:{}:{delta}\n", self.from_client));
        self.shadow = self.text.clone();
        self.from_client += 1;
        self.send(room, &self.unseen.concat(), lost)
    }

    fn send(
        &mut self,
        room: &mut Vec<Bytes>,
        lines: &str,
        lost: bool,
    ) -> Result<(), TestCaseError> {
        while let Some(frame) = room.get(self.heard) {
            prop_assert_eq!(self.page.mirror.hear(frame), Ok(Mirrored::Other));
            self.heard += 1;
        }
        let request = format!("u:{}\nF:{}:plan\n{lines}\n", self.user, self.from_hive);
        let answer = self.view.visit(&read(&request), &mut self.page, false, true);
        room.append(&mut self.page.frames);
        self.heard = room.len();
        match answer {
            Ok(answer) if !lost => self.hear(&answer),
            Ok(_) => Ok(()),
            Err(Lost) => Err(TestCaseError::fail("the view was lost")),
        }
    }

    fn hear(&mut self, answer: &str) -> Result<(), TestCaseError> {
        for line in answer.lines() {
            let mut parts = line.splitn(3, ':');
            let (kind, number) = (parts.next().unwrap(), parts.next().unwrap());
            let (number, rest): (i64, &str) = (number.parse().unwrap(), parts.next().unwrap());
            match kind {
                "F" => {
                    prop_assert_eq!(number, self.from_client, "{}", answer);
                    self.unseen.clear();
                }
                "d" if number == self.from_hive => {
                    let applied = delta::read(rest, &self.shadow);
                    prop_assert!(applied.is_some(), "{} on {}", rest, self.shadow);
                    self.shadow = applied.unwrap().after;
                    self.text = self.shadow.clone();
                    self.from_hive += 1;
                }
                "d" => prop_assert!(number < self.from_hive),
                _ => return Err(TestCaseError::fail(format!("not expected: {line}"))),
            }
        }
        Ok(())
    }
}
