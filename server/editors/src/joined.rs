//! The files of a link in a folder of this computer, live while this runs: what is saved there
//! goes to the hive as the smallest edit, what others type reaches the files at once.

mod folder;
mod program;
mod remote;
mod text;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hive::wire;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::Error;
use crate::door::Door;
use crate::guest::Guest;
use crate::line::{News, Seek};
use crate::link::Link;
use crate::live::Live;
use crate::place::{Key, Place};
use folder::{Made, Watch};
use remote::{Entry, Heard, Kind, Scope};
use text::{Note, Text};

pub use program::Editor;

const NEWS_WAITING_MAX: usize = 1_024;
/// How many texts have a line of their own at a time.
const LIVE_MAX: usize = 16;
/// How long the editor waits for the first texts.
const FIRST_TEXTS_MAX: Duration = Duration::from_secs(20);
/// How long the end waits until the hive has everything.
const LEAVING_MAX: Duration = Duration::from_secs(15);
/// The same, while the hive is away.
const LEAVING_AWAY_MAX: Duration = Duration::from_secs(3);
/// How long language servers of an editor that ended may go on.
const SERVERS_LEAVE_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What somebody who came by a link wants.
#[derive(Debug, Default)]
pub struct Wanted {
    pub link: String,
    /// Where the files shall stand; a folder for the time being, if it is not said.
    pub folder: Option<PathBuf>,
    /// Without one the files stay live until this program is asked to end.
    pub editor: Option<Editor>,
    pub name: Option<String>,
    pub password: Option<String>,
    /// A file with the authority that signs the hive's certificate.
    pub authority: Option<PathBuf>,
}

/// Whether these words are the address of a link.
pub fn is_link(words: &str) -> bool {
    Link::read(words).is_some()
}

/// Whose link it is, and whether it asks for a password.
pub async fn welcome(wanted: &Wanted) -> Result<wire::Welcome, Error> {
    Ok(guest(wanted)?.welcome().await?)
}

/// Keeps the link's files live in a folder, until the editor ends or this program is asked to.
pub async fn run(wanted: Wanted, say: impl Fn(&str)) -> Result<(), Error> {
    let guest = guest(&wanted)?;
    let temporary = wanted.folder.is_none();
    let place = match &wanted.folder {
        Some(folder) => Place::make(folder)?,
        None => Place::make(&tempfile::Builder::new().prefix("skep-").tempdir()?.keep())?,
    };
    let _lock = place.lock()?;
    let joined = join(guest, &place, &wanted).await;
    let (guest, me, link) = match joined {
        Ok(joined) => joined,
        Err(error) => {
            // Nothing came into it.
            if temporary {
                drop(std::fs::remove_dir_all(&place.root));
            }
            return Err(error);
        }
    };
    greet(&say, &me, &link, &place);
    let mut joined = Joined::new(guest, place.clone(), &link, &say)?;
    let served = joined.serve(wanted.editor.as_ref()).await;
    let strays = joined.leave().await;
    std::mem::take(&mut joined.later).iter().for_each(|words| say(words));
    if joined.has_kept || temporary && strays {
        return Err(Error::NotSent { folder: place.root });
    }
    let is_open = matches!(served, Ok(Left::EditorIsOpen));
    if temporary && !is_open {
        std::fs::remove_dir_all(&place.root)?;
    }
    served?;
    joined.ended.take().map_or(Ok(()), |error| Err(error.into()))
}

/// Why the files are live no longer.
enum Left {
    Done,
    /// This program was asked to end before the editor.
    EditorIsOpen,
}

fn guest(wanted: &Wanted) -> Result<Guest, Error> {
    let link = Link::read(&wanted.link).ok_or(Error::NoLink)?;
    let authority = wanted.authority.as_ref().map(std::path::absolute).transpose()?;
    Ok(Guest::new(link, wanted.name.clone(), wanted.password.clone(), authority))
}

/// Comes in, by the folder's key of before if there is one.
async fn join(
    guest: Guest,
    place: &Place,
    wanted: &Wanted,
) -> Result<(Arc<Guest>, wire::Me, wire::GuestLink), Error> {
    let address = format!("{}/l/{}", guest.link.base(), guest.link.id);
    match place.key() {
        Some(key) if key.address == address => guest.go_on_with(key.cookie).await,
        Some(key) if !key.address.ends_with(&format!("/l/{}", guest.link.id)) => {
            return Err(Error::OtherLink { folder: place.root.clone() });
        }
        _ => {}
    }
    let guest = Arc::new(guest);
    let me: wire::Me = Door::Guest(guest.clone()).get("/me").await?;
    let link = me.link.clone().ok_or(Error::NoLink)?;
    let key = Key {
        address,
        cookie: guest.cookie().await?,
        share: link.share.clone(),
        inside: Scope::of(&link).inside,
        authority: wanted.authority.as_ref().map(std::path::absolute).transpose()?,
    };
    place.keep_key(&key)?;
    Ok((guest, me, link))
}

fn greet(say: &impl Fn(&str), me: &wire::Me, link: &wire::GuestLink, place: &Place) {
    let what = link.path.rsplit('/').next().filter(|name| !name.is_empty());
    let what = what.unwrap_or(&link.share_name);
    let may = match link.right {
        wire::Right::View => "You may look: the files are read-only.",
        wire::Right::Comment => "You may look and comment: the files are read-only.",
        wire::Right::Edit | wire::Right::Manage => "You may edit.",
    };
    let owner = &me.hive.owner.name;
    say(&format!("{what} of {owner} is live in {}. {may}", place.root.display()));
}

struct Joined<'a> {
    door: Door,
    place: Place,
    scope: Scope,
    may_make: bool,
    texts: BTreeMap<u64, Text>,
    /// Texts that wait for a line.
    wanting: Vec<u64>,
    next_key: u64,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
    listed: mpsc::Receiver<Heard>,
    made: (mpsc::Sender<Made>, mpsc::Receiver<Made>),
    /// Files of which new ones are being made at the hive.
    making: HashSet<PathBuf>,
    watch: Watch,
    is_listed: bool,
    is_away: bool,
    /// Something could not be sent, and a copy of it was made.
    has_kept: bool,
    ended: Option<hive::Error>,
    /// What was said already.
    said: HashSet<String>,
    /// An editor has the terminal: what is to be said waits until it ended.
    is_quiet: bool,
    later: Vec<String>,
    say: &'a dyn Fn(&str),
    follower: tokio::task::JoinHandle<()>,
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl<'a> Joined<'a> {
    fn new(
        guest: Arc<Guest>,
        place: Place,
        link: &wire::GuestLink,
        say: &'a dyn Fn(&str),
    ) -> Result<Self, Error> {
        let scope = Scope::of(link);
        let (heard, listed) = mpsc::channel(1);
        let follower = tokio::spawn(remote::follow(guest.clone(), scope.clone(), heard));
        let may_edit = matches!(link.right, wire::Right::Edit | wire::Right::Manage);
        Ok(Self {
            door: Door::Guest(guest),
            watch: Watch::of(&place.root)?,
            place,
            may_make: may_edit && scope.file.is_none(),
            scope,
            texts: BTreeMap::new(),
            wanting: Vec::new(),
            next_key: 0,
            news: mpsc::channel(NEWS_WAITING_MAX),
            listed,
            made: mpsc::channel(NEWS_WAITING_MAX),
            making: HashSet::new(),
            is_listed: false,
            is_away: false,
            has_kept: false,
            ended: None,
            said: HashSet::new(),
            is_quiet: false,
            later: Vec::new(),
            say,
            follower,
        })
    }

    /// Goes on until the editor ends, the link does, or somebody asks this program to end.
    async fn serve(&mut self, editor: Option<&Editor>) -> Result<Left, Error> {
        let first = Instant::now() + FIRST_TEXTS_MAX;
        let mut signals = Signals::new()?;
        while !self.is_filled() && Instant::now() < first && self.ended.is_none() {
            tokio::select! {
                _ = signals.asked() => return Ok(Left::Done),
                () = self.step() => {}
            }
        }
        let (Some(editor), None) = (editor, &self.ended) else {
            while self.ended.is_none() {
                tokio::select! {
                    _ = signals.asked() => return Ok(Left::Done),
                    () = self.step() => {}
                }
            }
            return Ok(Left::Done);
        };
        let only = self.texts.values().next().filter(|_| self.scope.file.is_some());
        let target = only.map_or(self.place.root.clone(), |text| text.path.clone());
        self.is_quiet = true;
        let notes = self.place.own("");
        let mut child = editor.start(&target, &notes)?;
        loop {
            tokio::select! {
                ended = child.wait() => return Ok(ended.map(|_| Left::Done)?),
                asked = signals.asked() => if asked {
                    let place = self.place.root.display();
                    let words = format!(
                        "{} is still open, so {place} stays. What is saved there now is sent no \
                         more.",
                        editor.name()
                    );
                    self.tell(words);
                    return Ok(Left::EditorIsOpen);
                },
                () = self.step() => {}
            }
        }
    }

    /// The first texts are there.
    fn is_filled(&self) -> bool {
        self.is_listed && self.wanting.is_empty() && self.texts.values().all(Text::is_there)
    }

    /// Waits for one thing to happen and does what it needs.
    async fn step(&mut self) {
        let due = self.due_at();
        tokio::select! {
            Some(news) = self.news.1.recv() => self.take_news(news),
            Some(heard) = self.listed.recv() => self.take_listing(heard),
            Some(made) = self.made.1.recv() => self.take_made(made),
            () = self.watch.changed() => {
                self.texts.values_mut().for_each(|text| text.look_soon(Duration::ZERO));
            }
            () = sleep_until(due) => {}
        }
        while let Ok(news) = self.news.1.try_recv() {
            self.take_news(news);
        }
        self.go_on();
    }

    fn due_at(&self) -> Instant {
        let next = self.watch.look_at();
        self.texts.values().filter_map(Text::due_at).chain([next]).min().unwrap_or(next)
    }

    fn go_on(&mut self) {
        let now = Instant::now();
        if self.watch.look_at() <= now {
            self.watch.look_again_at(now + LOOK_EVERY);
            self.look_around();
        }
        let mut notes = Vec::new();
        let mut woken = Vec::new();
        for (key, text) in &mut self.texts {
            if text.due_at().is_some_and(|at| at <= now) {
                if text.live.is_none() && text.is_to_wake() {
                    woken.push(*key);
                }
                notes.extend(text.go_on(&self.place));
            }
        }
        self.wanting.extend(woken);
        self.give_lines();
        notes.into_iter().for_each(|note| self.note(note));
    }

    /// What the watcher may have missed, and what is new in the folder.
    fn look_around(&mut self) {
        self.texts.values_mut().for_each(|text| text.look_soon(Duration::ZERO));
        if !self.may_make || !self.is_listed || self.is_away || self.ended.is_some() {
            return;
        }
        let known: HashSet<PathBuf> = self.texts.values().map(|text| text.path.clone()).collect();
        for (path, text) in folder::new_texts(&self.place, &known, &self.making) {
            self.making.insert(path.clone());
            let place = path.strip_prefix(&self.place.root).unwrap_or(&path).to_string_lossy();
            let outside = self.scope.outside(&place);
            let (door, sender) = (self.door.clone(), self.made.0.clone());
            let share = self.scope.share.clone();
            tokio::spawn(async move {
                let made = folder::make(&door, &share, outside, path, text).await;
                drop(sender.send(made).await);
            });
        }
    }

    fn take_made(&mut self, made: Made) {
        match made.outcome {
            Ok(file) => {
                self.making.remove(&made.path);
                drop(self.place.keep_base(&file.id, &made.text));
                let known = self.texts.values().any(|text| text.id == file.id);
                if !known {
                    let stamp = (file.size, file.modified_at);
                    self.add(file.id, made.path, stamp, Some(made.text));
                }
            }
            Err(hive::Error::Problem { code, .. }) if code == "taken" => {
                self.making.remove(&made.path);
            }
            Err(error) if remote::has_ended(&error) => {
                let name = made.path.file_name().unwrap_or_default().to_string_lossy();
                self.tell(format!("{name} is new and stays here alone: {error}"));
            }
            Err(_) => {
                self.making.remove(&made.path);
            }
        }
    }

    fn take_listing(&mut self, heard: Heard) {
        let entries = match heard {
            Heard::Listed(entries) => entries,
            Heard::Ended(error) => {
                self.tell(format!("The link opens nothing any more. {error}"));
                self.ended = Some(error);
                return;
            }
        };
        self.is_listed = true;
        let others = entries.iter().filter(|entry| entry.kind == Kind::Other).count();
        if others > 0 && self.said.insert("others".to_owned()) {
            self.tell(match others {
                1 => "One file is no text, and is only to be seen by the link in a browser.".into(),
                _ => format!(
                    "{others} files are no texts, and are only to be seen by the link in a browser."
                ),
            });
        }
        let known: BTreeMap<String, u64> =
            self.texts.iter().map(|(key, text)| (text.id.clone(), *key)).collect();
        let mut gone: HashSet<u64> = self.texts.keys().copied().collect();
        for entry in entries {
            let path = self.place.root.join(&entry.path);
            match (entry.kind, known.get(&entry.id)) {
                (Kind::Folder, _) => drop(std::fs::create_dir_all(path)),
                (Kind::Text, Some(key)) => {
                    gone.remove(key);
                    self.meet(*key, path, &entry);
                }
                (Kind::Text, None) if !self.making.contains(&path) => {
                    self.add(entry.id, path, entry.stamp, None);
                }
                _ => {}
            }
        }
        for key in gone {
            if let Some(text) = self.texts.remove(&key)
                && let Some(note) = text.remove()
            {
                self.note(note);
            }
        }
    }

    fn add(&mut self, id: String, path: PathBuf, stamp: (u64, i64), base: Option<String>) {
        let key = self.next_key;
        self.next_key += 1;
        self.texts.insert(key, Text::new(id, path, stamp, base));
        self.wanting.push(key);
    }

    /// A text that is known already was listed again.
    fn meet(&mut self, key: u64, path: PathBuf, entry: &Entry) {
        let Some(text) = self.texts.get_mut(&key) else { return };
        if text.path != path && !path.exists() {
            if let Some(folder) = path.parent() {
                drop(std::fs::create_dir_all(folder));
            }
            if std::fs::rename(&text.path, &path).is_ok() {
                text.path = path;
            }
        }
        if text.stamp != entry.stamp {
            text.stamp = entry.stamp;
            if text.live.is_none() && !text.is_apart() && !self.wanting.contains(&key) {
                self.wanting.push(key);
            }
        }
    }

    /// Texts that wait get the lines of those that nobody touched for longest.
    fn give_lines(&mut self) {
        while let Some(key) = self.wanting.first().copied() {
            let live = self.texts.values().filter(|text| text.live.is_some()).count();
            if live >= LIVE_MAX {
                let idle = self.texts.values_mut().filter(|text| text.live.is_some());
                let idle = idle.filter(|text| text.can_sleep()).min_by_key(|text| text.touched_at);
                match idle {
                    Some(text) => text.sleep(),
                    None => return,
                }
            }
            self.wanting.remove(0);
            let Some(text) = self.texts.get_mut(&key).filter(|text| text.live.is_none()) else {
                continue;
            };
            let seek = Seek::File(self.door.clone(), text.id.clone());
            text.wake(Live::new(seek, "An editor", key, self.news.0.clone()));
        }
    }

    fn take_news(&mut self, news: News) {
        let Some(text) = self.texts.get_mut(&news.key) else { return };
        let notes = text.take(news.what, &self.place);
        notes.into_iter().for_each(|note| self.note(note));
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Connected if self.is_away => {
                self.is_away = false;
                self.tell("The hive is back; what was written meanwhile goes out.".to_owned());
            }
            Note::Connected => {}
            Note::Away(_) if self.is_away => {}
            Note::Away(why) => {
                self.is_away = true;
                let words = "What you write stays here, and goes out when it is back.";
                self.tell(format!("The hive does not answer now ({why}). {words}"));
            }
            Note::Ended(why) => {
                let words = format!("What is written here goes out no more: {why}");
                if self.said.insert(words.clone()) {
                    self.tell(words);
                }
            }
            Note::Kept(words) => {
                self.has_kept = true;
                self.tell(words);
            }
            Note::Words(words) => {
                if self.said.insert(words.clone()) {
                    self.tell(words);
                }
            }
        }
    }

    fn tell(&mut self, words: String) {
        if self.is_quiet { self.later.push(words) } else { (self.say)(&words) }
    }

    /// Sends the last of it. True if something stands here that did not come from the hive.
    async fn leave(&mut self) -> bool {
        let since = Instant::now();
        self.look_around();
        self.go_on();
        loop {
            let limit = if self.is_away { LEAVING_AWAY_MAX } else { LEAVING_MAX };
            let unsent = self.texts.values().filter(|text| !text.is_apart()).any(Text::is_unsent);
            // A language server may still have to say what it could not send.
            let speaks = self.is_quiet && since.elapsed() < SERVERS_LEAVE_WITHIN;
            let unsent = unsent || speaks && self.place.is_any_open();
            let done = !unsent && (self.making.is_empty() || self.ended.is_some());
            if done || since.elapsed() >= limit {
                break;
            }
            let step = tokio::time::timeout(Duration::from_millis(50), self.step());
            drop(step.await);
        }
        let place = self.place.clone();
        self.texts.values_mut().for_each(|text| text.keep_base(&place));
        let copies: Vec<Note> = self.texts.values().filter_map(Text::keep_copy).collect();
        copies.into_iter().for_each(|note| self.note(note));
        let known: HashSet<PathBuf> = self.texts.values().map(|text| text.path.clone()).collect();
        let strays = folder::strays(&self.place, &known);
        for stray in strays.iter().filter(|path| !folder::is_copy(path)) {
            self.tell(format!("{} was not sent.", shown(&self.place, stray)));
        }
        !strays.is_empty()
    }
}

fn shown(place: &Place, path: &Path) -> String {
    path.strip_prefix(&place.root).unwrap_or(path).display().to_string()
}

/// What the system says to this program. The keys that interrupt an editor are the editor's.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// True if this program is to end whatever an editor does.
    async fn asked(&mut self) -> bool {
        tokio::select! {
            _ = self.interrupt.recv() => false,
            _ = self.terminate.recv() => true,
            _ = self.hang_up.recv() => true,
        }
    }
}
