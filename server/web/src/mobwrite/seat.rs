//! One view of a MobWrite client in its document's room.

use std::time::Duration;

use bytes::Bytes;
use documents::{Connection, Edit, Mirror, Mirrored, Moment, Outgoing, Spoilt};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};
use types::Right;

use super::delta::Change;
use super::request::{Action, Does};
use super::view::{Lost, Text, View};

/// How long a request waits for the room, and for what it changed to be durable.
const ROOM_WITHIN: Duration = Duration::from_secs(10);
/// A pointer is shown again so often, as the room forgets those of which it hears nothing.
const POINT_EVERY: Duration = Duration::from_secs(12);
const NAME_CHARS_MAX: usize = 80;

/// Why a view has to be given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gone {
    /// The room is gone, or too slow to answer now.
    Room,
    /// The text is larger than these clients can carry.
    TooLarge,
}

impl From<Spoilt> for Gone {
    fn from(_: Spoilt) -> Self {
        Self::Room
    }
}

impl From<Lost> for Gone {
    fn from(_: Lost) -> Self {
        Self::Room
    }
}

pub(super) struct Seat {
    /// By which every connection of the key is found.
    pub(super) key: u64,
    pub(super) right: Right,
    connection: Connection,
    mirror: Mirror,
    view: View<Moment>,
    /// Frames with edits that were sent, and that are durable.
    sent: u64,
    stored: u64,
    about: Option<About>,
    pointed_at: Option<Instant>,
}

/// What a Komob client says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct About {
    name: String,
    /// In bytes of the client's text.
    selection: Option<(usize, usize)>,
}

impl Seat {
    /// Takes a seat and waits until all of the text is there.
    pub(super) async fn take(
        connection: Connection,
        (key, right): (u64, Right),
        text_bytes_max: usize,
    ) -> Result<Self, Gone> {
        let mut seat = Self {
            key,
            right,
            connection,
            mirror: Mirror::new(rand::random()),
            view: View::new(),
            sent: 0,
            stored: 0,
            about: None,
            pointed_at: None,
        };
        seat.send(seat.mirror.ask()).await?;
        let until = Instant::now() + ROOM_WITHIN;
        while !seat.hear_next(until).await? {}
        if seat.mirror.text().len() > text_bytes_max {
            return Err(Gone::TooLarge);
        }
        Ok(seat)
    }

    /// About how much memory the view and its copy take.
    pub(super) fn weight(&self) -> usize {
        self.view.weight() + self.mirror.weight()
    }

    /// Does what the client asks for; the answer comes when all of it is durable.
    pub(super) async fn visit(
        &mut self,
        actions: &[Action],
        user_named: bool,
        file_named: bool,
    ) -> Result<String, Gone> {
        while let Some(outgoing) = self.connection.from_room.try_recv() {
            self.hear(outgoing).await?;
        }
        let may_edit = self.right >= Right::Edit;
        let mut page = Page { mirror: &mut self.mirror, frames: Vec::new(), may_edit };
        let mut answer = self.view.visit(actions, &mut page, user_named, file_named)?;
        for frame in page.frames {
            self.sent += 1;
            self.send(frame).await?;
        }
        let until = Instant::now() + ROOM_WITHIN;
        while self.stored < self.sent {
            self.hear_next(until).await?;
        }
        self.point(actions).await?;
        if self.about.is_some() && !answer.is_empty() {
            answer.push_str(&format!("M:{}\n", self.others()));
        }
        Ok(answer)
    }

    /// Shows a Komob client's name and selection to the others, and again before they forget it.
    async fn point(&mut self, actions: &[Action]) -> Result<(), Gone> {
        let told = actions.iter().rev().find_map(|action| match &action.does {
            Does::About(words) => about(words),
            _ => None,
        });
        let fresh = told.is_some() && told != self.about;
        self.about = told.or(self.about.take());
        let is_due = self.pointed_at.is_none_or(|at| at.elapsed() >= POINT_EVERY);
        let Some(about) = self.about.as_ref().filter(|_| fresh || is_due) else { return Ok(()) };
        let text = self.view.shadow();
        let unit = |byte: usize| units_before(text, byte);
        let selection = about.selection.map(|(start, end)| (unit(start), unit(end)));
        let frame = self.mirror.point(&about.name, selection);
        self.pointed_at = Some(Instant::now());
        self.send(frame).await
    }

    /// Who else is here, as Komob's clients read it: places count bytes.
    fn others(&self) -> Value {
        let text = self.view.shadow();
        let byte = |unit: u32| bytes_before(text, unit);
        let mut others = Map::new();
        for other in self.mirror.others() {
            let cursor = other.selection.map(
                |(one, two)| json!({ "start": byte(one.min(two)), "end": byte(one.max(two)) }),
            );
            let about = json!({
                "cursor": cursor,
                "displayName": other.name,
                "user_id": other.client.to_string(),
            });
            others.insert(format!("client-{}", other.client), about);
        }
        Value::Object(others)
    }

    async fn send(&self, frame: Bytes) -> Result<(), Gone> {
        self.connection.to_room.send(frame).await.map_err(|_| Gone::Room)
    }

    /// Whether the copy has caught up by what the room says next.
    async fn hear_next(&mut self, until: Instant) -> Result<bool, Gone> {
        let outgoing = timeout_at(until, self.connection.from_room.recv()).await;
        let outgoing = outgoing.map_err(|_| Gone::Room)?.ok_or(Gone::Room)?;
        self.hear(outgoing).await
    }

    async fn hear(&mut self, outgoing: Outgoing) -> Result<bool, Gone> {
        let Outgoing::Frame(frame) = outgoing else { return Err(Gone::Room) };
        match self.mirror.hear(&frame)? {
            Mirrored::CaughtUp => return Ok(true),
            Mirrored::Answer(answer) => {
                self.sent += 1;
                self.send(answer).await?;
            }
            Mirrored::Stored(count) => self.stored = count,
            Mirrored::Denied | Mirrored::Other => {}
        }
        Ok(false)
    }
}

/// The document as a view changes it.
struct Page<'a> {
    mirror: &'a mut Mirror,
    frames: Vec<Bytes>,
    may_edit: bool,
}

impl Text for Page<'_> {
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
        self.may_edit
    }
}

fn about(words: &str) -> Option<About> {
    let value: Value = serde_json::from_str(words).ok()?;
    let name = value["displayName"].as_str().unwrap_or("MobWrite");
    let end = |name: &str| usize::try_from(value["cursor"][name].as_u64()?).ok();
    let name = name.chars().filter(|one| !one.is_control()).take(NAME_CHARS_MAX).collect();
    Some(About { name, selection: end("start").zip(end("end")) })
}

/// UTF-16 units of the text before a byte; in the middle of a character, before that character.
fn units_before(text: &str, byte: usize) -> u32 {
    let before = text.char_indices().take_while(|(at, one)| at + one.len_utf8() <= byte);
    let units: usize = before.map(|(_, one)| one.len_utf16()).sum();
    u32::try_from(units).unwrap_or(u32::MAX)
}

fn bytes_before(text: &str, unit: u32) -> usize {
    let mut left = unit as usize;
    for (at, one) in text.char_indices() {
        match left.checked_sub(one.len_utf16()) {
            Some(rest) if left > 0 => left = rest,
            _ => return at,
        }
    }
    text.len()
}
