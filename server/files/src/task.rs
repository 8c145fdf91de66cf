//! The task behind all shares: which there are, and who follows them.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use store::Store;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use types::{Name, RelPath, ShareId};

use crate::disk::{self, PartNames, Root};
use crate::entry::Changed;
use crate::follow::{Follower, WORK_MAX, Waiting, Work, blocking};
use crate::in_hand::InHand;
use crate::live::{Live, Shared, Standing};
use crate::share::{Options, Place, Share, State, place};
use crate::watch::{Hint, Hints, Watcher, When};
use crate::{Error, db, history, scrub, steps};

const MESSAGES_MAX: usize = 64;
/// How many wishes for a look at all contents may wait.
const SCRUBS_MAX: usize = 16;
/// How many messages a slow listener may be behind before it loses some.
const CHANGES_MAX: usize = 1_024;

type Reply<T> = oneshot::Sender<Result<T, Error>>;
pub(crate) type Lives = HashMap<ShareId, Arc<Live>>;

enum Message {
    Share { path: PathBuf, name: Option<String>, reply: Reply<Placed> },
    Accept { share: Share, chosen: Vec<RelPath>, reply: Reply<Share> },
    Unshare { share: ShareId, reply: Reply<()> },
    Pause { paused: bool, reply: Reply<()> },
    Rescan { share: ShareId, path: RelPath, reply: Reply<()> },
    Stop { reply: Reply<()> },
}

/// Where something that was shared stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub share: Share,
    /// The path inside of the share; the root when the share is this very folder.
    pub path: RelPath,
    /// Whether the share was made just now.
    pub new: bool,
}

/// Cheap to clone; the task ends with [`Handle::stop`] or when the last handle is dropped.
#[derive(Clone)]
pub struct Handle {
    messages: mpsc::Sender<Message>,
    pub(crate) scrubs: mpsc::Sender<Option<ShareId>>,
    pub(crate) lives: watch::Receiver<Arc<Lives>>,
    pub(crate) shared: Arc<Shared>,
}

impl Handle {
    /// Loads the shares and begins to follow them.
    pub async fn start(store: Store, options: Options) -> Result<(Self, JoinHandle<()>), Error> {
        let run = store.write(|tx| Ok::<_, store::Error>(ShareId::draw(tx.chance()))).await?;
        let run = run.as_bytes().iter().take(8).fold(0, |run, byte| run << 8 | u64::from(*byte));
        let (watcher, hints) = Watcher::start();
        let shared = Arc::new(Shared {
            store,
            watcher,
            parts: PartNames::new(run),
            standings: watch::Sender::new(BTreeMap::new()),
            changes: broadcast::Sender::new(CHANGES_MAX),
            in_hand: InHand::of(options.in_hand.clone()),
            arrivals: broadcast::Sender::new(CHANGES_MAX),
            signer: options.signer.clone(),
            guests: options.guests.clone(),
            narrow_names: options.narrow_names,
            needs: watch::Sender::new(0),
            scrubbed: Mutex::default(),
        });
        let (messages, waiting) = mpsc::channel(MESSAGES_MAX);
        let lives = watch::Sender::new(Arc::new(Lives::new()));
        let (scrubs, asked) = mpsc::channel(SCRUBS_MAX);
        let handle = Self { messages, scrubs, lives: lives.subscribe(), shared: shared.clone() };
        let options = blocking(move || {
            Ok(Options {
                own: options.own.iter().map(|path| disk::canonical(path)).collect(),
                home: options.home.as_deref().map(disk::canonical),
                signer: options.signer,
                guests: options.guests,
                in_hand: Vec::new(),
                narrow_names: options.narrow_names,
            })
        })
        .await?;
        let tender = tokio::spawn(history::tend::run(shared.clone(), handle.lives.clone()));
        let looker = tokio::spawn(scrub::run(shared.clone(), handle.lives.clone(), asked));
        let mut task = Task {
            shared,
            options,
            waiting,
            hints,
            lives,
            tender,
            looker,
            workers: HashMap::new(),
            paused: false,
        };
        for share in task.shared.store.read(crate::shares).await? {
            task.follow(share).await;
        }
        let running = tokio::spawn(task.run());
        Ok((handle, running))
    }

    /// Shares a folder or a file. What lies in a share already stays in that share.
    pub async fn share(&self, path: PathBuf, name: Option<String>) -> Result<Placed, Error> {
        let placed = self.ask(|reply| Message::Share { path, name, reply }).await?;
        if !placed.path.is_root() {
            self.rescan(placed.share.id, placed.path.clone()).await?;
        }
        Ok(placed)
    }

    /// Makes a friend's share appear in a folder, which is made if need be and may hold files
    /// already. `only_folders`: the top folders that are wanted; empty for all.
    pub async fn accept_share(
        &self,
        id: ShareId,
        root: PathBuf,
        name: String,
        only_folders: Vec<RelPath>,
    ) -> Result<Share, Error> {
        let name = crate::share_name(&name)?;
        let share = Share { id, name, root, only: None, created_at: self.shared.store.now() };
        self.ask(|reply| Message::Accept { share, chosen: only_folders, reply }).await
    }

    /// Forgets a share and takes its marker away. Touches nothing else on disk.
    pub async fn unshare(&self, share: ShareId) -> Result<(), Error> {
        self.ask(|reply| Message::Unshare { share, reply }).await
    }

    /// How a share stands; `Missing` for one that there is not.
    pub fn state(&self, share: ShareId) -> State {
        let standings = self.shared.standings.borrow();
        standings.get(&share).map_or_else(
            || State::Missing { why: "There is no such share any more.".to_owned() },
            |standing| standing.state.clone(),
        )
    }

    /// What a share's owner should know besides: what is not shown, not readable, not watched.
    pub fn notes(&self, share: ShareId) -> Vec<String> {
        let standings = self.shared.standings.borrow();
        standings.get(&share).map(|standing| standing.notes.clone()).unwrap_or_default()
    }

    /// How all shares stand, to be awaited.
    pub fn states(&self) -> watch::Receiver<BTreeMap<ShareId, Standing>> {
        self.shared.standings.subscribe()
    }

    /// Stops or resumes following the folders of all shares. Reading and writing go on.
    pub async fn pause(&self, paused: bool) -> Result<(), Error> {
        self.ask(|reply| Message::Pause { paused, reply }).await
    }

    /// Looks at a path and all that is in it; afterwards the rows are in step with the disk.
    pub async fn rescan(&self, share: ShareId, path: RelPath) -> Result<(), Error> {
        self.ask(|reply| Message::Rescan { share, path, reply }).await
    }

    /// What other programs change, once the rows tell it. What Skep writes is not told here: the
    /// writer knows, and the journal tells everybody else.
    pub fn changes(&self) -> broadcast::Receiver<Changed> {
        self.shared.changes.subscribe()
    }

    /// Ends following, after the step that is under way.
    pub async fn stop(&self) -> Result<(), Error> {
        self.ask(|reply| Message::Stop { reply }).await
    }

    async fn ask<T>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let closed = || Error::Store(store::Error::Closed);
        self.messages.send(message(reply)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

struct Worker {
    live: Arc<Live>,
    inbox: mpsc::Sender<Work>,
    hints: Arc<Waiting>,
    task: JoinHandle<()>,
    steps: JoinHandle<()>,
}

struct Task {
    shared: Arc<Shared>,
    options: Options,
    waiting: mpsc::Receiver<Message>,
    hints: Hints,
    lives: watch::Sender<Arc<Lives>>,
    /// Looks after the history, until `lives` ends.
    tender: JoinHandle<()>,
    /// Looks for what the disk spoilt, until `lives` ends.
    looker: JoinHandle<()>,
    workers: HashMap<ShareId, Worker>,
    paused: bool,
}

impl Task {
    async fn run(mut self) {
        let mut stopped = None;
        loop {
            tokio::select! {
                message = self.waiting.recv() => match message {
                    Some(Message::Stop { reply }) => {
                        stopped = Some(reply);
                        break;
                    }
                    Some(message) => self.take(message).await,
                    None => break,
                },
                hints = self.hints.next() => self.hand_out(hints),
            }
        }
        for (_, worker) in self.workers.drain() {
            end(worker).await;
        }
        drop(self.lives);
        for task in [self.tender, self.looker] {
            if let Err(error) = task.await {
                tracing::error!(%error, "looking after contents failed");
            }
        }
        if let Some(reply) = stopped {
            // Whoever stopped waiting needs no answer.
            drop(reply.send(Ok(())));
        }
    }

    async fn take(&mut self, message: Message) {
        // An answer that nobody waits for any more is dropped.
        match message {
            Message::Share { path, name, reply } => drop(reply.send(self.share(path, name).await)),
            Message::Accept { share, chosen, reply } => {
                drop(reply.send(self.accept(share, chosen).await));
            }
            Message::Unshare { share, reply } => drop(reply.send(self.unshare(share).await)),
            Message::Pause { paused, reply } => {
                self.paused = paused;
                for worker in self.workers.values() {
                    drop(worker.inbox.send(Work::Pause(paused)).await);
                }
                drop(reply.send(Ok(())));
            }
            Message::Rescan { share, path, reply } => match self.workers.get(&share) {
                Some(worker) => drop(worker.inbox.send(Work::Rescan(path, reply)).await),
                None => drop(reply.send(Err(Error::Gone))),
            },
            Message::Stop { reply } => drop(reply.send(Ok(()))),
        }
    }

    async fn share(&mut self, path: PathBuf, name: Option<String>) -> Result<Placed, Error> {
        let shares = self.shared.store.read(crate::shares).await?;
        let options = self.options.clone();
        let place = blocking(move || {
            let (path, folder) = disk::look_at(&path)?;
            place(&path, folder, &shares, &options)
        })
        .await?;
        let (root, only) = match place {
            Place::Inside(share, path) => return Ok(Placed { share, path, new: false }),
            Place::New { root, only } => (root, only),
        };
        let name = name.unwrap_or_else(|| usual_name(&root, only.as_ref()));
        let path = only.as_ref().map_or_else(RelPath::root, |only| RelPath::root().join(only));
        let share = self
            .shared
            .store
            .write(move |tx| crate::add_share(tx, &root, only, name, false))
            .await?;
        self.follow(share.clone()).await;
        Ok(Placed { share, path, new: true })
    }

    async fn accept(&mut self, share: Share, chosen: Vec<RelPath>) -> Result<Share, Error> {
        let shares = self.shared.store.read(crate::shares).await?;
        if shares.iter().any(|other| other.id == share.id) {
            return Err(Error::Taken);
        }
        let options = self.options.clone();
        let share = blocking(move || {
            std::fs::create_dir_all(&share.root).map_err(|error| disk::write_error(&error))?;
            let (path, folder) = disk::look_at(&share.root)?;
            match place(&path, folder, &shares, &options)? {
                Place::New { root, only: None } => Ok(Share { root, ..share }),
                _ => Err(Error::Refused(format!(
                    "{} is a file, or lies in another share. Choose another folder.",
                    path.display()
                ))),
            }
        })
        .await?;
        let new = share.clone();
        self.shared
            .store
            .write(move |tx| {
                db::insert_share(tx, &new, false)?;
                let facts = db::tree::facts(tx, new.id)?;
                db::tree::set_facts(tx, new.id, &db::tree::Facts { chosen, ..facts })?;
                tx.announce("share", &new.id.to_string(), Some(new.id)).map_err(Error::from)
            })
            .await?;
        self.follow(share.clone()).await;
        Ok(share)
    }

    async fn unshare(&mut self, id: ShareId) -> Result<(), Error> {
        let folders = self.shared.store.read(move |view| db::folders(view, id)).await?;
        let share = self.shared.store.read(move |view| crate::share(view, id)).await?;
        self.shared.store.write(move |tx| crate::remove_share(tx, id)).await?;
        if let Some(worker) = self.workers.remove(&id) {
            worker.live.stopped.store(true, Ordering::Release);
            end(worker).await;
        }
        self.shared.standings.send_modify(|standings| drop(standings.remove(&id)));
        self.publish();
        let shared = self.shared.clone();
        let still_used = self.workers.values().any(|other| other.live.share.root == share.root);
        blocking(move || {
            if !still_used {
                shared.watcher.unwatch(&share.root);
                for folder in folders {
                    shared.watcher.unwatch(&share.root.join(folder.as_str()));
                }
            }
            if share.only.is_none()
                && let Ok(root) = Root::open(&share, false)
                && let Err(error) = root.clear_marker(&shared.parts.draw(id))
            {
                tracing::warn!(share = %id, %error, "a marker could not be removed");
            }
            Ok(())
        })
        .await
    }

    /// Begins to follow a share, with a marker in its root if one can be put there.
    async fn follow(&mut self, share: Share) {
        let live = Arc::new(Live::new(share, self.shared.clone()));
        let marking = live.clone();
        if let Err(error) = blocking(move || mark(&marking)).await {
            tracing::debug!(share = %live.share.id, %error, "a share has no marker");
        }
        let (inbox, work) = mpsc::channel(WORK_MAX);
        live.stand(State::Scanning { seen: 0 }, Vec::new());
        let hints = Arc::new(Waiting::default());
        let follower = Follower::new(live.clone(), (work, hints.clone()), self.paused);
        let task = tokio::spawn(follower.run());
        let steps = tokio::spawn(steps::run(live.clone()));
        self.workers.insert(live.share.id, Worker { live, inbox, hints, task, steps });
        self.publish();
    }

    fn publish(&self) {
        let lives = self.workers.iter().map(|(id, worker)| (*id, worker.live.clone())).collect();
        self.lives.send_replace(Arc::new(lives));
    }

    /// Hands each hint to the shares that it concerns.
    fn hand_out(&self, hints: Vec<Hint>) {
        let mut lost = false;
        let mut by_share: HashMap<ShareId, Vec<(RelPath, When)>> = HashMap::new();
        for hint in hints {
            match hint {
                Hint::Lost => lost = true,
                Hint::Limit => {
                    lost = true;
                    for worker in self.workers.values() {
                        worker.live.limited.store(true, Ordering::Relaxed);
                    }
                }
                Hint::At(path, when) => {
                    for (id, worker) in &self.workers {
                        let live = &worker.live;
                        let hint = live.path_inside(&path).map(|inside| (inside, when));
                        let hint =
                            hint.or_else(|| Some((nearest_path(live, &path)?, When::Within)));
                        if let Some(hint) = hint {
                            by_share.entry(*id).or_default().push(hint);
                        }
                    }
                }
            }
        }
        for (id, worker) in &self.workers {
            let hints = by_share.remove(id).unwrap_or_default();
            if worker.hints.add(hints, lost) {
                let inbox = worker.inbox.clone();
                drop(tokio::spawn(async move { drop(inbox.send(Work::Hints).await) }));
            }
        }
    }
}

/// Stops a follower and waits for the step that it is in.
async fn end(worker: Worker) {
    worker.live.stopped.store(true, Ordering::Release);
    worker.live.wake();
    drop(worker.inbox);
    for task in [worker.task, worker.steps] {
        if let Err(error) = task.await {
            tracing::error!(share = %worker.live.share.id, %error, "following a share failed");
        }
    }
}

/// The folder in a share that holds what itself has no name that can be told.
fn nearest_path(live: &Live, path: &std::path::Path) -> Option<RelPath> {
    let folder = path.parent().filter(|folder| folder.starts_with(&live.share.root))?;
    live.path_inside(folder).or_else(|| nearest_path(live, folder))
}

fn mark(live: &Live) -> Result<(), Error> {
    let id = live.share.id;
    let (marked, _) = live.shared.store.read_blocking(|view| db::share_facts(view, id))?;
    if marked || live.share.only.is_some() {
        return Ok(());
    }
    let root = Root::open(&live.share, false)?;
    root.set_marker(&live.shared.parts.draw(id)).map_err(|error| disk::read_error(&error))?;
    live.shared.store.write_blocking(move |tx| db::mark_share(tx, id))
}

fn usual_name(root: &std::path::Path, only: Option<&Name>) -> String {
    match only {
        Some(only) => only.to_string(),
        None => root
            .file_name()
            .map_or_else(|| root.display().to_string(), |name| name.to_string_lossy().into_owned()),
    }
}
