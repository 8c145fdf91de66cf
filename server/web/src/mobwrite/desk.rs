//! All views of MobWrite's clients: opened as they come, given up when they fall silent or when
//! their keys end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;
use types::{FileId, Right};

use super::request::{self, Action, Does, Parts};
use super::seat::{Gone, Seat};
use crate::gate::{self, Credential, Peer};
use crate::limits::Rate;
use crate::{State, socket};

/// How the name of a file begins; the token follows.
pub(crate) const FILE_PREFIX: &str = "doc-";
const VIEWS_MAX: usize = 1_000;
/// About how much memory all views may take.
const BYTES_MAX: usize = 256 << 20;
/// The largest text; a client sends all of it when it joins.
const TEXT_BYTES_MAX: usize = 1_000_000;
/// A view of which nothing was heard for so long is given up.
const SILENT_MAX: Duration = Duration::from_secs(5 * 60);
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// A document, the token that opens it, and the editor's word for itself.
type Key = (FileId, String, String);

#[derive(Clone, Default)]
pub(crate) struct Desk {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    views: Mutex<HashMap<Key, Held>>,
    parts: Mutex<Parts>,
}

#[derive(Clone)]
struct Held {
    /// Empty until somebody took the seat; one visit at a time.
    seat: Arc<AsyncMutex<Option<Seat>>>,
    weight: usize,
    used_at: Instant,
}

/// Why a view is not answered.
enum Refusal {
    /// There is no such document for this key.
    Unknown,
    /// It is tried again: nothing is said, as if the request had been lost.
    NotNow,
}

impl Desk {
    /// Starts the task that gives views up; it ends with the desk.
    pub(crate) fn start(&self, state: &State) {
        // The state itself would keep the desk, and the desk the task.
        let (desk, store) = (Arc::downgrade(&self.shared), state.store.clone());
        let mut keys = state.keyring.watch();
        drop(tokio::spawn(async move {
            loop {
                tokio::select! {
                    moved = keys.changed() => if moved.is_err() { return },
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
                if !look(&desk, &store).await {
                    return;
                }
            }
        }));
    }

    fn hold(&self, key: &Key) -> Option<Held> {
        let mut views = lock(&self.shared.views);
        let weight: usize = views.values().map(|held| held.weight).sum();
        if !views.contains_key(key) && (views.len() >= VIEWS_MAX || weight > BYTES_MAX) {
            return None;
        }
        let held = views.entry(key.clone()).or_insert_with(|| Held {
            seat: Arc::default(),
            weight: 0,
            used_at: Instant::now(),
        });
        held.used_at = Instant::now();
        Some(held.clone())
    }

    fn forget(&self, key: &Key) {
        lock(&self.shared.views).remove(key);
    }

    fn weigh(&self, key: &Key, weight: usize) {
        if let Some(held) = lock(&self.shared.views).get_mut(key) {
            held.weight = weight;
        }
    }
}

/// Answers one request.
pub(super) async fn answer(state: &State, peer: Peer, request: &str) -> String {
    let actions = {
        let mut parts = lock(&state.mobwrite.shared.parts);
        request::read(request, &mut parts, from(peer), Instant::now())
    };
    let mut answer = String::new();
    let (mut user, mut file) = (None, None);
    let same = |one: &Action, two: &Action| one.user == two.user && one.file == two.file;
    for run in actions.chunk_by(same) {
        let Some(last) = run.last() else { continue };
        let new_user = user != Some(&last.user);
        let file_named = new_user || file != Some(&last.file);
        match visit(state, peer, run, last.echo && new_user, file_named).await {
            Ok(words) if words.is_empty() => {}
            Ok(words) => {
                (user, file) = (Some(&last.user), Some(&last.file));
                answer.push_str(&words);
            }
            Err(Refusal::Unknown) => answer.push_str(&format!("!:{}\n", last.file)),
            Err(Refusal::NotNow) => {}
        }
    }
    answer
}

async fn visit(
    state: &State,
    peer: Peer,
    run: &[Action],
    user_named: bool,
    file_named: bool,
) -> Result<String, Refusal> {
    let Some(last) = run.last() else { return Ok(String::new()) };
    let closes = matches!(last.does, Does::Close);
    let (file, token) = match open(state, peer, &last.file).await {
        Ok(opened) => opened,
        Err(_) if closes => return Ok(String::new()),
        Err(refusal) => return Err(refusal),
    };
    let key = (file, token.clone(), last.user.clone());
    let desk = &state.mobwrite;
    if closes {
        desk.forget(&key);
        return Ok(String::new());
    }
    let held = desk.hold(&key).ok_or(Refusal::NotNow)?;
    let mut seat = held.seat.lock().await;
    let outcome = seated(state, &mut seat, file, token, peer, run, user_named, file_named).await;
    match outcome {
        Ok((answer, weight)) => {
            desk.weigh(&key, weight);
            if matches!(last.does, Does::Nullify) {
                desk.forget(&key);
            }
            Ok(answer)
        }
        Err(refusal) => {
            *seat = None;
            desk.forget(&key);
            Err(refusal)
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "they are what one visit consists of")]
async fn seated(
    state: &State,
    seat: &mut Option<Seat>,
    file: FileId,
    token: String,
    peer: Peer,
    run: &[Action],
    user_named: bool,
    file_named: bool,
) -> Result<(String, usize), Refusal> {
    let refused = |gone| match gone {
        Gone::Room => Refusal::NotNow,
        Gone::TooLarge => Refusal::Unknown,
    };
    let credential = Credential::Token(token);
    let right = socket::may(state, &credential, file).await.map_err(|_| Refusal::Unknown)?;
    let taken = match seat {
        Some(taken) => {
            if taken.right != right {
                taken.right = right;
                state.documents.set_right(taken.key, Some(right));
            }
            taken
        }
        None => seat.insert(take(state, credential, file, right, peer).await?),
    };
    let answer = taken.visit(run, user_named, file_named).await.map_err(refused)?;
    Ok((answer, taken.weight()))
}

async fn take(
    state: &State,
    credential: Credential,
    file: FileId,
    right: Right,
    peer: Peer,
) -> Result<Seat, Refusal> {
    let who = gate::who(state, &credential).await.map_err(|_| Refusal::Unknown)?;
    gate::note_use(state, &who, peer);
    let connection = socket::join(state, &who, file, None, true).await;
    let connection = connection.map_err(|(code, _)| match code {
        socket::code::STOPPED | socket::code::FAULT | socket::code::PAUSED => Refusal::NotNow,
        _ => Refusal::Unknown,
    })?;
    let key = who.revocation_key();
    let taken = Seat::take(connection, (key, right), TEXT_BYTES_MAX).await;
    taken.map_err(|gone| match gone {
        Gone::Room => Refusal::NotNow,
        Gone::TooLarge => Refusal::Unknown,
    })
}

/// The document that a name opens, and its token. Whoever guesses names is slowed down.
async fn open(state: &State, peer: Peer, name: &str) -> Result<(FileId, String), Refusal> {
    let guessed = || match state.limits.check(Rate::Guess, from(peer)) {
        Ok(()) => Refusal::Unknown,
        Err(_) => Refusal::NotNow,
    };
    let rest = name.strip_prefix(FILE_PREFIX).ok_or_else(guessed)?;
    let (token, file) = match rest.split_once('.') {
        Some((token, file)) => (token, Some(file)),
        None => (rest, None),
    };
    let who = gate::who(state, &Credential::Token(token.to_owned())).await;
    let who = who.map_err(|error| match error.code {
        "paused" => Refusal::NotNow,
        _ => guessed(),
    })?;
    let file = match (file, who.scope) {
        (Some(file), _) => file.parse().map_err(|_| Refusal::Unknown)?,
        (None, people::Scope::Within(_, file)) => file,
        (None, people::Scope::Share(_) | people::Scope::Everything) => {
            return Err(Refusal::Unknown);
        }
    };
    Ok((file, token.to_owned()))
}

/// Gives up the views that fell silent, and those whose keys ended. False when the desk is gone.
async fn look(desk: &Weak<Shared>, store: &store::Store) -> bool {
    let Some(shared) = desk.upgrade() else { return false };
    let tokens: Vec<String> = {
        let mut views = lock(&shared.views);
        views.retain(|_, held| held.used_at.elapsed() < SILENT_MAX);
        views.keys().map(|(_, token, _)| token.clone()).collect()
    };
    drop(shared);
    let ended: Result<Vec<String>, store::Error> = store
        .read(move |view| {
            let ended =
                tokens.into_iter().filter(|token| people::who_by_token(view, token).is_err());
            Ok(ended.collect())
        })
        .await;
    let Ok(ended) = ended else { return true };
    if let Some(shared) = desk.upgrade() {
        lock(&shared.views).retain(|(_, token, _), _| !ended.contains(token));
    }
    true
}

fn from(peer: Peer) -> IpAddr {
    peer.address()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
