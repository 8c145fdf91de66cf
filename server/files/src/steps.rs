//! Brings a share's folder to where its records want it, and its records to what the folder
//! holds: one task for each share, a bounded round at a time.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use store::View;
use tree::{Step, What};
use types::{FileId, Hash, Name, RelPath, ShareId, Time};

use crate::contents::{self, find, find_stocked};
use crate::db::tree::{self as db, Queue};
use crate::disk::{Root, leads_inside};
use crate::exchange::Wanted;
use crate::follow::blocking;
use crate::ignore::Rules;
use crate::in_hand::{Arrival, KEPT_OFF};
use crate::ledger::Moment;
use crate::live::Live;
use crate::share::State;
use crate::{Error, db as rows, guard, ingest, kept, rot, twins, units};

mod act;
mod merge;
mod strangers;

/// How many steps one round takes.
const STEPS_PER_ROUND_MAX: usize = 2_000;
/// How many bytes of new files one round writes, unless one file alone has more.
const BYTES_PER_ROUND_MAX: u64 = 256 * 1_024 * 1_024;
const PAGE: u32 = 1_000;
/// How long a step that failed waits.
const AGAIN_MS: i64 = 1_000;
const LOOKS_MS: i64 = 20;
const REST: Duration = Duration::from_secs(60);
const REST_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// What waits for a word or for a content is not tried again by itself.
const NEVER: Time = Time(i64::MAX);
/// How long a merge waits for a text that perhaps nobody has any more.
const MERGE_WAITS_MS: i64 = 30_000;

/// One thing to do.
#[derive(Debug)]
struct Planned {
    id: FileId,
    step: Step,
    path: RelPath,
    /// Whether the content is written although it should stand there already.
    anew: bool,
    /// Whether its content is neither in the folder nor in the history.
    nowhere: bool,
}

/// What a round is to do, and what hinders the rest.
#[derive(Debug, Default)]
struct Plan {
    steps: Vec<Planned>,
    /// Not tried again before something happens: the code says what.
    parked: Vec<(FileId, Time, &'static str, String)>,
    /// Texts of which a content was waited for in vain.
    given_up: Vec<FileId>,
    wanted: Vec<Wanted>,
    /// Of these a content arrived, and their turn did not come.
    again: HashSet<FileId>,
    /// What needs nothing after all.
    settled: Vec<FileId>,
    /// The removals that the owner agreed to are done.
    agreement_over: bool,
    /// What came for files that somebody edits live.
    arrivals: Vec<Arrival>,
}

impl Plan {
    fn park(&mut self, id: FileId, due: Time, code: &'static str, detail: String) {
        self.parked.push((id, due, code, detail));
    }
}

/// Works until its share is no longer followed.
pub(crate) async fn run(live: Arc<Live>) {
    if live.shared.signer.is_none() {
        return;
    }
    let mut records = live.shared.store.follow_records();
    let mut standings = live.shared.standings.subscribe();
    let share = live.share.id;
    let begun = live.shared.store.write(move |tx| {
        db::retry_steps(tx, share)?;
        let (_, seen_whole) = rows::share_facts(tx, share)?;
        if seen_whole && db::held_count(tx, share)? == 0 {
            db::unread_all(tx, share)
        } else {
            Ok(())
        }
    });
    let begun = begun.await;
    if let Err(error) = begun {
        tracing::debug!(%share, %error, "waiting steps are tried later");
    }
    rot::recall(&live);
    while !live.is_stopped() {
        records.mark_unchanged();
        standings.mark_unchanged();
        let rest = if live.can_follow() {
            let at_work = live.clone();
            match blocking(move || round(&at_work)).await {
                Ok(None) => continue,
                Ok(Some(rest)) => rest,
                Err(Error::Gone) if live.is_stopped() => return,
                Err(error) => {
                    tracing::warn!(%share, %error, "a folder does not follow its records");
                    REST_AFTER_FAILURE
                }
            }
        } else {
            REST
        };
        tokio::select! {
            _ = records.changed() => {}
            _ = standings.changed() => {}
            () = live.woken.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Does a bounded piece of work. Tells how long to rest, or that there is more.
fn round(live: &Live) -> Result<Option<Duration>, Error> {
    let share = live.share.id;
    let store = &live.shared.store;
    let root = live.root()?;
    if live.rules_changed(&root) {
        store.write_blocking(move |tx| {
            db::unread_all(tx, share)?;
            db::retry_steps(tx, share)
        })?;
    }
    let read = ingest::read_some(live)?;
    let healed = rot::heal_some(live, &root)?;
    let worked = step_some(live, &root)?;
    if read || healed || worked {
        return Ok(None);
    }
    let now = store.now();
    let due = store.read_blocking(|view| {
        let steps = db::next_due(view, share, Queue::Steps)?;
        Ok::<_, Error>([steps, db::next_due(view, share, Queue::Unread)?])
    })?;
    let due = due.into_iter().flatten().min().map_or(i64::MAX, |due| due.since(now));
    // What is due may wait until all was looked at.
    let least = if live.looking.load(Ordering::Relaxed) { LOOKS_MS } else { 1 };
    let rest = Duration::from_millis(due.max(least).unsigned_abs());
    Ok(Some(rest.min(REST)))
}

fn step_some(live: &Live, root: &Root) -> Result<bool, Error> {
    let share = live.share.id;
    let arrived = live.stock.take_arrived();
    let rules = live.rules(root);
    let store = &live.shared.store;
    let mut plan = store.read_blocking(|view| plan(view, live, &rules, arrived))?;
    // Nobody tells of them a second time.
    live.stock.arrived_before(std::mem::take(&mut plan.again));
    if plan.agreement_over {
        store.write_blocking(move |tx| {
            let facts = db::facts(tx, share)?;
            db::set_facts(tx, share, &db::Facts { agreed: false, ..facts })
        })?;
    }
    if plan.steps.is_empty() && plan.parked.is_empty() && plan.settled.is_empty() {
        let (files, _) = store.read_blocking(|view| db::to_go(view, share))?;
        if files == 0 && live.needed.swap(false, Ordering::Relaxed) {
            contents::tidy(live, root)?;
            live.tell_needs();
        }
        return Ok(false);
    }
    live.needed.store(true, Ordering::Relaxed);
    live.stock.forget_wanted(plan.steps.iter().map(|planned| planned.id));
    live.stock.forget_wanted(plan.settled.iter().copied());
    let mut steps = Vec::new();
    for planned in std::mem::take(&mut plan.steps) {
        match lacking(live, root, &planned)? {
            None => steps.push(planned),
            Some(_) if plan.given_up.contains(&planned.id) => steps.push(planned),
            Some(lacking) => {
                let bytes = lacking.iter().map(|(_, size)| size).sum();
                match contents::need_room(live, root, bytes) {
                    Ok(()) => want(live, &mut plan, &planned, lacking)?,
                    Err(error) => {
                        let due = store.now().plus(act::HINDERED_MS);
                        plan.park(planned.id, due, "full", error.to_string());
                    }
                }
            }
        }
    }
    live.stock.want(std::mem::take(&mut plan.wanted));
    let steps = hold_units(live, &mut plan, steps);
    // Of the names of one file, one after the other: the later ones are linked to the first. Of
    // those that become one and the same, the first does; the others have nothing to become then.
    let (mut groups, mut successors) = (HashSet::new(), HashSet::new());
    let (steps, next): (Vec<_>, Vec<_>) = steps.into_iter().partition(|planned| {
        if let Step::Become { successor } = &planned.step {
            return successors.insert(*successor);
        }
        twins::group_of(&planned.step).is_none_or(|group| groups.insert(group))
    });
    let next: Vec<FileId> = next.into_iter().map(|planned| planned.id).collect();
    let (parked, settled, arrivals) = (plan.parked, plan.settled, plan.arrivals);
    if !parked.is_empty() || !settled.is_empty() || !next.is_empty() {
        store.write_blocking(move |tx| {
            for (id, due, code, detail) in &parked {
                db::fail_step(tx, share, *id, *due, (code, detail))?;
            }
            for id in &settled {
                db::set_out_of_step(tx, share, *id, false)?;
            }
            next.iter().try_for_each(|id| db::set_out_of_step(tx, share, *id, true))
        })?;
    }
    for arrival in arrivals {
        // Nobody may listen any more.
        drop(live.shared.arrivals.send(arrival));
    }
    if !steps.is_empty() {
        act::perform(live, root, steps)?;
    }
    live.tell_needs();
    Ok(true)
}

/// Asks the tree for the next step of everything that is due.
fn plan(view: &View, live: &Live, rules: &Rules, arrived: Vec<FileId>) -> Result<Plan, Error> {
    let share = live.share.id;
    let facts = db::facts(view, share)?;
    let (_, seen_whole) = rows::share_facts(view, share)?;
    let mut plan = Plan { again: arrived.iter().copied().collect(), ..Plan::default() };
    if facts.paused || !seen_whole {
        return Ok(plan);
    }
    let removals = db::removals(view, share)?;
    plan.agreement_over = facts.agreed && removals == 0;
    let unusual = guard::is_unusual(removals, db::held_count(view, share)?);
    let held_back = unusual && !facts.agreed;
    let chosen = Chosen {
        share,
        only: live.share.only.as_ref(),
        folders: &facts.chosen,
        rules,
        paths: RefCell::default(),
    };
    let all_read = db::unread_count(view, share)? == 0 && db::held_back(view, share)?.is_empty();
    let ledger = Moment { view, share };
    let mut bytes = 0;
    let mut after = FileId::from_bytes([0; 16]);
    let mut due = arrived;
    loop {
        for id in std::mem::take(&mut due) {
            if plan.steps.len() >= STEPS_PER_ROUND_MAX || bytes > BYTES_PER_ROUND_MAX {
                return Ok(plan);
            }
            if !all_read && db::unread(view, share, id)?.is_some() {
                continue;
            }
            let came = plan.again.remove(&id);
            let (path, refused) = chosen.judge(view, id)?;
            if let Some((code, detail)) = refused
                && (code != "not_chosen" || db::held(view, share, id)?.is_none())
            {
                plan.park(id, NEVER, code, detail);
                continue;
            }
            let selected = |id| matches!(chosen.judge(view, id), Ok((_, None)));
            match tree::next_step(&ledger, id, &selected)? {
                Step::Nothing => plan.settled.push(id),
                Step::After(_) if came => {
                    plan.again.insert(id);
                }
                Step::After(_) => {}
                Step::Remove { .. } if held_back => {
                    let detail = format!("{removals} removals wait for your word.");
                    plan.park(id, NEVER, "held_back", detail);
                }
                step => {
                    let own = live.shared.signer()?.hive();
                    let in_hand = &live.shared.in_hand;
                    if let Some(contents) = in_hand.keeps_off(&ledger, own, id, &step)? {
                        plan.arrivals.push(Arrival { file: id, contents });
                        plan.park(id, NEVER, KEPT_OFF, String::new());
                        continue;
                    }
                    if matches!(step, Step::Merge { .. })
                        && db::waiting(view, share, id)?.is_some_and(|waiting| {
                            waiting.code.as_deref() == Some("content") && waiting.due <= view.now()
                        })
                    {
                        plan.given_up.push(id);
                    }
                    if let Step::Write { what: What::File { size, .. }, .. } = &step {
                        bytes += size;
                    }
                    let nowhere = is_nowhere(view, share, &step)?;
                    plan.steps.push(Planned { id, step, path, anew: false, nowhere });
                }
            }
        }
        due = db::due_steps(view, share, after, PAGE)?;
        let Some(last) = due.last() else { return Ok(plan) };
        after = *last;
    }
}

/// Why something is not to stand on this disk: a code, and the reason in words.
type Refusal = (&'static str, String);

/// What this hive does not take.
struct Chosen<'a> {
    share: ShareId,
    only: Option<&'a Name>,
    folders: &'a [RelPath],
    rules: &'a Rules,
    /// Paths of folders, looked up once.
    paths: RefCell<HashMap<FileId, Option<RelPath>>>,
}

impl Chosen<'_> {
    /// Where a node is to stand, and why it is not to stand on this disk.
    fn judge(&self, view: &View, id: FileId) -> Result<(RelPath, Option<Refusal>), Error> {
        let Some(node) = db::node(view, self.share, id)? else { return Ok(Default::default()) };
        let parent = node.place.parent;
        let known = self.paths.borrow().get(&parent).cloned();
        let folder = match known {
            Some(folder) => folder,
            None => {
                let folder = db::path_of(view, self.share, parent)?;
                self.paths.borrow_mut().insert(parent, folder.clone());
                folder
            }
        };
        let Some(path) = folder.map(|folder| folder.join(&node.place.name)) else {
            return Ok(Default::default());
        };
        let refused = self.refuses(&path, tree::current(&node).map(|version| &version.what));
        Ok((path, refused))
    }

    fn refuses(&self, path: &RelPath, what: Option<&What>) -> Option<(&'static str, String)> {
        let is_folder = what == Some(&What::Folder);
        if path.is_skeps_own() {
            return Some(("name", "The name is one that Skep uses itself.".to_owned()));
        }
        if let Some(rule) = self.rules.rule_for(path, is_folder) {
            return Some(("ignored", rule.rule));
        }
        if self.only.is_some_and(|only| only.as_str() != path.as_str()) {
            return Some(("not_chosen", "Only one file is shared here.".to_owned()));
        }
        if let Some(What::Link { target }) = what
            && !leads_inside(path, target)
        {
            return Some(("link", format!("The link leads out of the share, to {target}.")));
        }
        let wanted = |folder: &RelPath| path.is_within(folder) || folder.is_within(path);
        if !self.folders.is_empty() && !self.folders.iter().any(wanted) {
            return Some(("not_chosen", "This folder was not chosen.".to_owned()));
        }
        None
    }
}

/// What belongs to something that has not arrived waits for it; the rest is put in order.
fn hold_units(live: &Live, plan: &mut Plan, steps: Vec<Planned>) -> Vec<Planned> {
    if steps.is_empty() {
        return steps;
    }
    let logs = steps.iter().any(|planned| units::is_log(&planned.path));
    let missing =
        live.stock.wanted_paths(|path| logs || units::is_log(path) || units::is_object(path));
    let missing = units::Missing::new(missing.into_iter());
    let goes = |planned: &Planned| matches!(planned.step, Step::Remove { .. });
    let again = live.shared.store.now().plus(AGAIN_MS);
    let (mut steps, late): (Vec<_>, Vec<_>) =
        steps.into_iter().partition(|planned| !missing.holds_up(&planned.path, goes(planned)));
    for late in late {
        let detail = "What belongs to it has not arrived yet.".to_owned();
        plan.park(late.id, again, "content", detail);
    }
    steps.sort_by_cached_key(|planned| units::rank(&planned.path, goes(planned)));
    steps
}

fn is_nowhere(view: &View, share: ShareId, step: &Step) -> Result<bool, Error> {
    let Step::Write { what: What::File { hash, .. }, .. } = step else { return Ok(false) };
    Ok(db::holders(view, share, *hash)?.is_empty() && !kept::contains(view, share, *hash)?)
}

/// The contents that a step needs and that are not here.
fn lacking(
    live: &Live,
    root: &Root,
    Planned { step, nowhere, .. }: &Planned,
) -> Result<Option<Vec<(Hash, u64)>>, Error> {
    let mut lacking = Vec::new();
    match step {
        Step::Write { what: what @ What::File { hash, size, .. }, instead_of, .. } => {
            let held = instead_of.as_ref().map(|held| &held.what);
            let what_is = |what: &What| held.is_some_and(|held| is_dressed_alone(held, what));
            let is_lacking = || match nowhere {
                true => find_stocked(live, root, *hash).map(|found| found.is_none()),
                false => find(live, root, *hash).map(|found| found.is_none()),
            };
            if *size > 0 && !what_is(what) && is_lacking()? {
                lacking.push((*hash, *size));
            }
        }
        Step::Merge { base, first, second } => {
            if merge::is_hopeless(live, root, [*base, *first, *second])? {
                return Ok(None);
            }
            for hash in [base, first, second] {
                if find(live, root, *hash)?.is_none() {
                    lacking.push((*hash, 0));
                }
            }
        }
        _ => {}
    }
    Ok((!lacking.is_empty()).then_some(lacking))
}

fn want(
    live: &Live,
    plan: &mut Plan,
    Planned { id, step, path, .. }: &Planned,
    lacking: Vec<(Hash, u64)>,
) -> Result<(), Error> {
    let (share, id) = (live.share.id, *id);
    let merge = matches!(step, Step::Merge { .. });
    let held = match step {
        Step::Write { instead_of, .. } => instead_of.clone(),
        _ => live.shared.store.read_blocking(|view| db::held(view, share, id))?,
    };
    let base = held.and_then(|held| held.what.hash());
    for (hash, size) in lacking {
        let path = path.clone();
        plan.wanted.push(Wanted { file: id, path, hash, size, base });
    }
    let due = if merge { live.shared.store.now().plus(MERGE_WAITS_MS) } else { NEVER };
    plan.park(id, due, "content", "Its content has not arrived yet.".to_owned());
    Ok(())
}

/// Whether what stands there needs new dates and attributes alone. A name of a file that has
/// several is always put there anew: what is set on one would be set on all.
fn is_dressed_alone(held: &What, what: &What) -> bool {
    let alone = twins::group_in(held).is_none() && twins::group_in(what).is_none();
    alone && what.hash().is_some() && held.hash() == what.hash()
}

/// Writes contents anew that the disk has spoilt. Tells what could not be taken.
pub(crate) fn rewrite(live: &Live, root: &Root, files: Vec<(FileId, Step)>) -> Result<(), Error> {
    let path = RelPath::root();
    let planned = files.into_iter().map(|(id, step)| {
        let path = path.clone();
        Planned { id, step, path, anew: true, nowhere: false }
    });
    act::perform(live, root, planned.collect())
}

impl Live {
    /// Whether the folder is there and may be read and changed.
    fn can_follow(&self) -> bool {
        self.standing().is_some_and(|standing| {
            matches!(standing.state, State::InStep | State::Scanning { .. })
        })
    }
}
