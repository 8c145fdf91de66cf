//! The past of a text: its versions, and between them what its document kept.

use std::collections::HashMap;

use documents::{How, Run, Told};
use files::history::Version;
use futures::StreamExt;
use store::View;
use types::{FileId, Hash, HiveId, Time};

use crate::view::friends::{Present, person};
use crate::{Error, State, wire};

/// Of the versions before a document began, so many of the newest and so many bytes are read.
const VERSIONS_MAX: usize = 100;
const BYTES_MAX: u64 = 8_000_000;
const READS_AT_ONCE: usize = 4;
/// So many changes that a document took over from its file at first are compared with versions.
const KNOWN_MAX: usize = 20;

/// Who made a stroke.
enum Maker {
    /// Whoever made this version, by its place.
    Version(usize),
    Author(documents::Author),
    Unknown,
}

struct Moment {
    began: Time,
    at: Time,
    name: Option<String>,
    /// By its place.
    version: Option<usize>,
}

/// What is known before names are looked up.
#[derive(Default)]
struct Woven {
    moments: Vec<Moment>,
    /// The moment of each stroke, and who made it.
    strokes: Vec<(usize, Maker)>,
    runs: Vec<Run>,
}

/// The past of a text as it is shown to the owner, or to somebody who is told less.
pub(crate) async fn of(
    state: &State,
    entry: &files::Entry,
    is_owner: bool,
) -> Result<wire::Past, Error> {
    let file = entry.id;
    let mut versions = state.store.read(move |view| files::history::versions(view, file)).await?;
    versions.reverse();
    let told = state.documents.told(file).await?;
    let (began, ended, content) = match &told {
        Some(told) => {
            let last = told.moments.last();
            let began = told.moments.first().map(|first| first.began);
            (began, last.map(|last| last.at), last.and_then(|last| last.content))
        }
        None => (None, None, None),
    };
    let before = |version: &Version| began.is_none_or(|began| version.at <= began);
    let after = |version: &Version| {
        ended.is_some_and(|ended| version.at > ended) && content != Some(version.hash)
    };
    let earlier = texts(state, &versions, before).await;
    let later = texts(state, &versions, after).await;
    let own = Present::of(&*state.friends).own();
    let share = entry.share;
    let (woven, versions) =
        tokio::task::spawn_blocking(move || (woven(&versions, earlier, told, later), versions))
            .await
            .map_err(|_| Error::gone("the hive is stopping"))?;
    if woven.moments.is_empty() {
        return Err(Error::bad_input(
            "the history holds no text of this file",
            "It has one from the next change on. Versions of other files stand in its history",
        ));
    }
    let shown = move |view: &View| Shown { view, share, own, is_owner }.all(woven, &versions);
    state.store.read(shown).await
}

/// The newest of the wanted versions that are kept and are texts, oldest first, by their places.
async fn texts(
    state: &State,
    versions: &[Version],
    wanted: impl Fn(&Version) -> bool,
) -> Vec<(usize, String)> {
    let mut bytes = 0;
    let newest = versions.iter().enumerate().rev();
    let chosen: Vec<(usize, FileId, u64)> = newest
        .filter(|(_, version)| version.kept && wanted(version))
        .take(VERSIONS_MAX)
        .take_while(|(_, version)| {
            bytes += version.size;
            bytes <= BYTES_MAX
        })
        .map(|(place, version)| (place, version.file, version.id))
        .collect();
    let reads = chosen.into_iter().rev().map(|(place, file, id)| async move {
        let reader = state.files.open_version(file, id).await.ok()?;
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; usize::try_from(reader.size).ok()?];
            let mut at = 0;
            while at < bytes.len() {
                match reader.read_at(at as u64, &mut bytes[at..]).ok()? {
                    0 => return None,
                    length => at += length,
                }
            }
            documents::readable(&bytes).ok()
        });
        Some((place, read.await.ok()??))
    });
    let reads = futures::stream::iter(reads).buffered(READS_AT_ONCE);
    reads.filter_map(std::future::ready).collect().await
}

fn woven(
    versions: &[Version],
    earlier: Vec<(usize, String)>,
    told: Option<Told>,
    later: Vec<(usize, String)>,
) -> Woven {
    let mut woven = Woven::default();
    for (place, text) in earlier {
        woven.version(place, &versions[place], &text);
    }
    if let Some(told) = told {
        woven.document(versions, told);
    }
    for (place, text) in later {
        woven.version(place, &versions[place], &text);
    }
    woven.names(versions);
    woven
}

impl Woven {
    fn moment(&mut self, began: Time, at: Time, version: Option<usize>, name: Option<String>) {
        let last = self.moments.last().map_or(at, |last| last.at.plus(1));
        self.moments.push(Moment { began, at: at.max(last), name, version });
    }

    fn stroke(&mut self, maker: Maker) -> u32 {
        self.strokes.push((self.moments.len() - 1, maker));
        u32::try_from(self.strokes.len() - 1).unwrap_or(u32::MAX)
    }

    /// The text as it is now became that of a version.
    fn version(&mut self, place: usize, version: &Version, text: &str) {
        let same = !self.moments.is_empty() && self.now() == text;
        if let Some(last) = self.moments.last_mut().filter(|_| same) {
            last.version = Some(place);
            return;
        }
        self.moment(version.at, version.at, Some(place), None);
        let stroke = self.stroke(Maker::Version(place));
        self.runs = documents::weave(&self.runs, text, stroke);
    }

    fn now(&self) -> String {
        let alive = self.runs.iter().filter(|run| run.died.is_none());
        alive.map(|run| run.text.as_str()).collect()
    }

    fn document(&mut self, versions: &[Version], told: Told) {
        let told = self.without_known(told);
        if told.moments.is_empty() {
            return;
        }
        let base = told.runs.iter().filter(|run| run.born.is_none());
        let base: String = base.map(|run| run.text.as_str()).collect();
        if self.moments.is_empty() || self.now() != base {
            let began = told.moments[0].began.plus(-1);
            self.moment(began, began, None, None);
            let known = versions.iter().rposition(|version| version.at <= told.moments[0].at);
            let stroke = self.stroke(known.map_or(Maker::Unknown, Maker::Version));
            self.runs = documents::weave(&self.runs, &base, stroke);
        }
        let (moments, strokes) = (self.moments.len(), self.strokes.len());
        let by_content: HashMap<Hash, usize> =
            versions.iter().enumerate().map(|(place, version)| (version.hash, place)).collect();
        let places = |content: Option<Hash>| by_content.get(&content?).copied();
        for moment in told.moments {
            self.moment(moment.began, moment.at, places(moment.content), moment.name);
        }
        for stroke in told.strokes {
            let maker = match (stroke.author.how, places(stroke.author.source)) {
                (How::Saved, Some(version)) => Maker::Version(version),
                _ => Maker::Author(stroke.author),
            };
            self.strokes.push((moments + stroke.moment, maker));
        }
        let first = u32::try_from(strokes).unwrap_or(u32::MAX);
        self.runs = documents::joined(&self.runs, told.runs, first);
    }

    /// What a document first took over from its file is known as versions, if it came to the same.
    fn without_known(&self, mut told: Told) -> Told {
        let now = self.now();
        let saved = told.strokes.iter().take_while(|stroke| stroke.author.how == How::Saved);
        let is_now = |place: &u32| documents::text_at(&told.runs, Some(*place)) == now;
        let places = 0..u32::try_from(saved.count()).unwrap_or(0);
        let Some(known) = places.take(KNOWN_MAX).find(is_now) else { return told };
        let strokes = told.strokes.split_off(known as usize + 1);
        let moments = told.strokes.last().map_or(0, |last| last.moment + 1);
        if strokes.first().is_some_and(|next| next.moment < moments) {
            told.strokes.extend(strokes);
            return told;
        }
        let later = |stroke: u32| stroke.checked_sub(known + 1);
        let runs = told.runs.into_iter().filter(|run| run.died.is_none_or(|died| died > known));
        let runs = runs.map(|run| Run {
            text: run.text,
            born: run.born.and_then(later),
            died: run.died.and_then(later),
        });
        let runs = runs.collect();
        let strokes = strokes.into_iter().map(|mut stroke| {
            stroke.moment -= moments;
            stroke
        });
        let strokes = strokes.collect();
        Told { moments: told.moments.split_off(moments), strokes, runs }
    }

    /// Gives each moment the name of its version, and the names of other versions to the moments
    /// right before them.
    fn names(&mut self, versions: &[Version]) {
        for (place, version) in versions.iter().enumerate() {
            if version.label.is_none() {
                continue;
            }
            let own = self.moments.iter().rposition(|moment| moment.version == Some(place));
            let before = || self.moments.iter().rposition(|moment| moment.at <= version.at);
            if let Some(place) = own.or_else(before) {
                let moment = &mut self.moments[place];
                moment.name = moment.name.take().or_else(|| version.label.clone());
            }
        }
    }
}

/// Looks names up.
struct Shown<'a> {
    view: &'a View<'a>,
    share: types::ShareId,
    own: HiveId,
    is_owner: bool,
}

impl Shown<'_> {
    fn all(&self, woven: Woven, versions: &[Version]) -> Result<wire::Past, Error> {
        let mut authors: Vec<wire::Author> = Vec::new();
        let mut strokes = Vec::with_capacity(woven.strokes.len());
        for (moment, maker) in &woven.strokes {
            let author = match maker {
                Maker::Version(place) => {
                    let version = &versions[*place];
                    self.version(version.hive, version.by.clone())?
                }
                Maker::Author(author) => self.author(author)?,
                Maker::Unknown => self.nobody("saved"),
            };
            let place = authors.iter().position(|known| *known == author).unwrap_or_else(|| {
                authors.push(author);
                authors.len() - 1
            });
            let moment = u32::try_from(*moment).unwrap_or(u32::MAX);
            let author = u32::try_from(place).unwrap_or(u32::MAX);
            strokes.push(wire::Stroke { moment, author, added: 0, removed: 0 });
        }
        let moments = woven.moments.into_iter().map(|moment| wire::PastMoment {
            at: moment.at.0,
            began: moment.began.0,
            name: moment.name,
            version: moment.version.filter(|_| self.is_owner).map(|place| versions[place].id),
        });
        let moments = moments.collect();
        let runs = shown_runs(woven.runs, &mut strokes);
        Ok(wire::Past { moments, strokes, authors, runs })
    }

    fn version(&self, hive: HiveId, guest: Option<String>) -> Result<wire::Author, Error> {
        Ok(match person(self.view, self.share, hive, self.own)? {
            Some((mut by, device)) => {
                if !self.is_owner {
                    by.id = String::new();
                }
                self.somebody(Some(by), guest, device, "saved")
            }
            None => self.somebody(None, guest, String::new(), "saved"),
        })
    }

    fn author(&self, author: &documents::Author) -> Result<wire::Author, Error> {
        let (view, name) = (self.view, &author.name);
        let device = || people::hive_name(view);
        Ok(match (author.how, author.person) {
            // The owner's programs wrote it, as far as is known.
            (How::Saved, _) => self.version(self.own, None)?,
            (How::Typed, Some(id)) => {
                let known = people::person(view, id).ok().map(wire::Person::from);
                let unnamed = known.as_ref().is_none_or(|person| person.name.is_empty());
                let guest = name.clone().filter(|_| unnamed);
                self.somebody(known, guest, device()?, "typed")
            }
            (How::Typed, None) => {
                let name = name.clone().unwrap_or_else(|| "a program".to_owned());
                self.somebody(None, Some(name), device()?, "typed")
            }
            (How::Hive, _) => {
                let friends = people::friends(view)?;
                let friend = friends.iter().find(|friend| Some(friend.name()) == name.as_deref());
                match friend {
                    Some(friend) => self.version(friend.hive, None)?,
                    None => self.somebody(None, name.clone(), String::new(), "typed"),
                }
            }
        })
    }

    fn nobody(&self, how: &str) -> wire::Author {
        self.somebody(None, None, String::new(), how)
    }

    fn somebody(
        &self,
        by: Option<wire::Person>,
        guest: Option<String>,
        device: String,
        how: &str,
    ) -> wire::Author {
        let device = if self.is_owner { device } else { String::new() };
        wire::Author { by, guest, device, how: how.to_owned() }
    }
}

/// The runs that stood at the end of a moment at least, and how many units each stroke put in and
/// took out of these.
fn shown_runs(runs: Vec<Run>, strokes: &mut [wire::Stroke]) -> Vec<wire::Run> {
    let mut shown = Vec::with_capacity(runs.len());
    for Run { text, born, died } in runs {
        let moment = |stroke: u32| strokes.get(stroke as usize).map(|stroke| stroke.moment);
        let Some(born) = born.filter(|born| died.and_then(moment) != moment(*born)) else {
            continue;
        };
        let units = u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX);
        if let Some(stroke) = strokes.get_mut(born as usize) {
            stroke.added += units;
        }
        if let Some(stroke) = died.and_then(|died| strokes.get_mut(died as usize)) {
            stroke.removed += units;
        }
        shown.push(wire::Run { text, born, died });
    }
    shown
}

/// The text at the end of a moment, by its place.
pub(crate) fn text_at(past: &wire::Past, moment: usize) -> String {
    let is_past = |stroke: u32| {
        past.strokes.get(stroke as usize).is_some_and(|stroke| stroke.moment as usize <= moment)
    };
    let stood = past.runs.iter().filter(|run| is_past(run.born) && !run.died.is_some_and(is_past));
    stood.map(|run| run.text.as_str()).collect()
}

/// Who changed something in a folder, for somebody who may see it.
pub(crate) fn changer(
    view: &View,
    (share, own): (types::ShareId, HiveId),
    is_owner: bool,
    (hive, guest): (HiveId, Option<String>),
) -> Result<wire::Author, Error> {
    Shown { view, share, own, is_owner }.version(hive, guest)
}
