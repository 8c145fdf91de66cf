//! The first words of two hives, on either side: who they are, whether they understand each other,
//! and whether one may come in.

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use types::{HiveId, Time};

use crate::proof::{Asked, Asking};
use crate::shared::Shared;
use crate::transport::{Pair, Stream};
use crate::wire::{self, Blob, Broken, HELLO_BYTES_MAX, Hello, Purpose, Verdict};
use crate::{Met, Place, Proof, Refusal};

/// Nobody waits longer for the other end's first words.
const HELLO_TIME: Duration = Duration::from_secs(8);
/// So many invitations with words are tried against one caller. Each has a proof of its own.
const OPEN_WORDS_MAX: usize = 8;
/// From this difference on, the log says that a clock is off.
const CLOCK_OFF_MS: i64 = 5 * types::MINUTE_MS;

/// Why this hive calls.
pub(crate) enum Errand<'a> {
    Link,
    Secret([u8; 16]),
    Words(&'a str),
}

/// The other end, let in.
pub(crate) struct Admitted {
    pub(crate) met: Met,
    /// Which start of the other hive this is.
    pub(crate) run: u64,
    /// The newest protocol that it speaks.
    pub(crate) newest: u16,
}

/// Says hello to a hive that was called.
pub(crate) async fn call(
    shared: &Shared,
    pair: &mut Pair,
    errand: Errand<'_>,
) -> Result<Admitted, Refusal> {
    in_time(call_now(shared, pair, errand)).await
}

async fn call_now(
    shared: &Shared,
    pair: &mut Pair,
    errand: Errand<'_>,
) -> Result<Admitted, Refusal> {
    let mut asking = Vec::new();
    let purpose = match errand {
        Errand::Link => Purpose::Link,
        Errand::Secret(secret) => Purpose::Secret(secret),
        Errand::Words(words) => {
            let begin = || Asking::begin(words, shared.own, pair.hive);
            let (states, messages): (Vec<_>, Vec<_>) =
                std::iter::repeat_with(begin).take(OPEN_WORDS_MAX).unzip();
            asking = states;
            Purpose::Words(messages.into_iter().map(Blob).collect())
        }
    };
    say_hello(shared, &mut pair.control, purpose).await?;
    let hello = wire::read_hello(&mut pair.control).await.map_err(broken)??;
    let mut verdict = wire::read(&mut pair.control, HELLO_BYTES_MAX).await.map_err(broken)?;
    if let Verdict::Words(answers) = &verdict {
        let mut tried = asking.into_iter().zip(answers);
        let proof = tried.find_map(|(state, (message, proof))| state.finish(&message.0, proof));
        say(&mut pair.control, &proof.ok_or(Refusal::WordsWrong)?).await?;
        verdict = wire::read(&mut pair.control, HELLO_BYTES_MAX).await.map_err(broken)?;
    }
    match verdict {
        Verdict::Welcome => {
            let mut admitted = admitted(pair.hive, hello);
            if let Some(address) = pair.address.map(Place::from) {
                admitted.met.addresses.retain(|other| *other != address);
                admitted.met.addresses.insert(0, address);
            }
            Ok(admitted)
        }
        Verdict::Refused(why) => Err(why),
        Verdict::Words(_) => Err(broken(Broken::Nonsense("it answers what was not asked"))),
    }
}

/// Hears a hive that called, and lets it in or not.
pub(crate) async fn answer(shared: &Shared, pair: &mut Pair) -> Result<Admitted, Refusal> {
    in_time(answer_now(shared, pair)).await
}

async fn answer_now(shared: &Shared, pair: &mut Pair) -> Result<Admitted, Refusal> {
    let hello = wire::read_hello(&mut pair.control).await.map_err(broken)?;
    say_hello(shared, &mut pair.control, Purpose::Link).await?;
    let hello = hello?;
    let judged = judge(shared, pair, hello).await;
    match &judged {
        Ok(_) => say(&mut pair.control, &Verdict::Welcome).await?,
        Err(why) => {
            // Whoever is refused may be gone already.
            say(&mut pair.control, &Verdict::Refused(why.clone())).await.unwrap_or_default();
            pair.control.shutdown().await.unwrap_or_default();
        }
    }
    judged
}

async fn judge(shared: &Shared, pair: &mut Pair, hello: Hello) -> Result<Admitted, Refusal> {
    let purpose = hello.purpose.clone();
    let admitted = admitted(pair.hive, hello);
    if let Purpose::Link = purpose {
        shared.may_connect(pair.hive)?;
        return Ok(admitted);
    }
    let _place = shared.strangers.try_acquire().map_err(|_| Refusal::SlowDown)?;
    shared.tries.may_try()?;
    let redeemed = match purpose {
        Purpose::Secret(secret) => {
            shared.house.redeem(Proof::Secret(secret), admitted.met.clone()).await
        }
        Purpose::Words(messages) => hear_words(shared, pair, &messages, &admitted.met).await,
        Purpose::Link => Ok(()),
    };
    if redeemed.is_err() {
        shared.tries.failed();
    } else {
        shared.befriended(&admitted.met);
    }
    redeemed.map(|()| admitted)
}

async fn hear_words(
    shared: &Shared,
    pair: &mut Pair,
    messages: &[Blob],
    met: &Met,
) -> Result<(), Refusal> {
    let mut open = shared.house.open_words().await?;
    open.truncate(OPEN_WORDS_MAX);
    let asked: Vec<(String, Asked)> = open
        .into_iter()
        .zip(messages)
        .map_while(|(words, message)| {
            let asked = Asked::answer(&words, pair.hive, shared.own, &message.0)?;
            Some((words, asked))
        })
        .collect();
    let said = asked.iter().map(|(_, asked)| (Blob(asked.message.clone()), asked.proof)).collect();
    say(&mut pair.control, &Verdict::Words(said)).await?;
    let proof: [u8; 32] =
        wire::read(&mut pair.control, HELLO_BYTES_MAX).await.map_err(|_| Refusal::WordsWrong)?;
    let words = asked.into_iter().find(|(_, asked)| asked.is_proved_by(&proof));
    let (words, _) = words.ok_or(Refusal::WordsWrong)?;
    shared.house.redeem(Proof::Words(words), met.clone()).await
}

async fn in_time<T>(work: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
    match timeout(HELLO_TIME, work).await {
        Ok(done) => done,
        Err(_) => Err(Refusal::Unreachable { sought: String::new() }),
    }
}

async fn say_hello(
    shared: &Shared,
    stream: &mut Box<dyn Stream>,
    purpose: Purpose,
) -> Result<(), Refusal> {
    let places = shared.places();
    let is_address = |place: &&Place| matches!(place, Place::Address(_));
    let (direct, further): (Vec<_>, Vec<_>) = places.iter().partition(is_address);
    let hello = Hello {
        about: shared.house.about(),
        purpose,
        addresses: direct.iter().filter_map(|place| place.address()).collect(),
        now: Time::now().0,
        run: shared.run,
        newest: shared.protocols.0,
        further: further.iter().map(ToString::to_string).collect(),
    };
    let (newest, oldest) = shared.protocols;
    write(stream, &wire::hello_frame(&hello, newest, oldest)).await
}

async fn say(stream: &mut Box<dyn Stream>, message: &impl Serialize) -> Result<(), Refusal> {
    write(stream, &wire::frame(message)).await
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> Result<(), Refusal> {
    let written = async {
        stream.write_all(frame).await?;
        stream.flush().await
    };
    written.await.map_err(|error| broken(Broken::Lost(error)))
}

fn admitted(hive: HiveId, hello: Hello) -> Admitted {
    let off = Time::now().since(Time(hello.now));
    if off.abs() > CLOCK_OFF_MS {
        let hours = off.abs() / types::HOUR_MS;
        let way = if off < 0 { "ahead of" } else { "behind" };
        tracing::warn!(
            ?hive,
            "A friend's clock is {hours} hours {way} this one's. Files follow all the same, but \
             the times shown for changes may be wrong: set both clocks."
        );
    }
    let further = hello.further.iter().filter_map(|text| text.parse().ok());
    let addresses = hello.addresses.into_iter().map(Place::Address).chain(further).collect();
    let met = Met { hive, about: hello.about, addresses };
    Admitted { met, run: hello.run, newest: hello.newest }
}

pub(crate) fn broken(broken: Broken) -> Refusal {
    match broken {
        Broken::Lost(_) => Refusal::Unreachable { sought: String::new() },
        Broken::Nonsense(what) => Refusal::Nonsense { what: what.to_owned() },
    }
}
