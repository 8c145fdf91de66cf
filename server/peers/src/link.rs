//! One live link: reads and writes both streams and does what the session says.

mod silence;
mod streams;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use store::Record;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use types::ShareId;

use crate::line::{Line, Live, Outbox};
use crate::pace::Paced;
use crate::serve::Counter;
use crate::session::{Input, Output, Session};
use crate::shared::Shared;
use crate::transport::Pair;
use crate::wire::{Blob, Broken, Control, Given, Said, Since};
use crate::{Failure, Lag, Met, Refusal, Standing, db, lags};

use silence::{Sign, Silence};
use streams::{hear, hear_bulk, say_bulk, speak};

const LOAD_BYTES: usize = 512 * 1_024;
/// Small contents that go beside their records, for each message.
const INLINE_BYTES_MAX: usize = 1_024 * 1_024;
/// So much of them goes whatever limit there is.
const URGENT_BYTES_MAX: u64 = 16 * 1_024;
/// So many messages wait to be acted on; then nothing more is read.
const INBOX_MAX: usize = 64;
const BULK_MAX: usize = 16;
/// Positions are written down, and the lag told, no more often than this.
const TICK: Duration = Duration::from_millis(250);
/// How soon a change of what is held out is told.
const OFFERS_TIME: Duration = Duration::from_secs(1);
const REST_TIME: Duration = Duration::from_secs(5);
const DRAIN_TIME: Duration = Duration::from_secs(2);
const BYE_TIME: Duration = Duration::from_secs(1);

/// What the loop of a link wakes up for.
enum Event {
    Heard(Control),
    Broken(Broken),
    Did(Input),
    Failed(Failure),
    /// Shares, with how far each was gone through.
    Shares(Vec<(ShareId, Option<Since>)>, Vec<Vec<u8>>),
    Newer(Vec<ShareId>),
    /// As they were after so many batches were taken in.
    Lags(u64, Vec<(ShareId, Lag)>),
    /// A batch was taken in, and this is what is lacking now.
    Took(Input, Option<(ShareId, Lag)>),
}

/// Runs until the link ends; tells why it did.
pub(crate) async fn run(shared: Arc<Shared>, pair: Pair, met: Met, line: Arc<Line>, out: Outbox) {
    let hive = line.hive;
    if let Err(failure) = shared.house.met(met).await {
        tracing::warn!(?hive, %failure, "a friend's hive could not be noted");
    }
    let why = Link::new(shared.clone(), line.clone()).run(pair, out).await;
    tracing::debug!(?hive, %why, "a link ended");
    line.drop_asks();
    {
        let mut lines = shared.lines();
        if lines.get(&hive).is_some_and(|other| Arc::ptr_eq(other, &line)) {
            lines.remove(&hive);
            shared.set_standing(&lines, hive, Standing::Away { why: Some(why) });
        }
    }
    line.is_over();
}

struct Link {
    shared: Arc<Shared>,
    line: Arc<Line>,
    session: Session,
    inbox: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    /// Records to take in, in the order in which they came.
    takes: mpsc::UnboundedSender<Output>,
    taking: Option<mpsc::UnboundedReceiver<Output>>,
    positions: BTreeMap<ShareId, Since>,
    said_offers: Option<Vec<Vec<u8>>>,
    said_lags: BTreeMap<ShareId, Lag>,
    /// One look at a time, so that none tells of a moment before that of another.
    asking_lags: bool,
    ask_lags_again: bool,
    /// To be told at the next tick.
    lag_due: bool,
    /// How many batches of records were taken in.
    taken: u64,
    looking: bool,
    look_again: bool,
    helpers: JoinSet<()>,
}

impl Link {
    fn new(shared: Arc<Shared>, line: Arc<Line>) -> Self {
        let (inbox, events) = mpsc::channel(INBOX_MAX);
        let (takes, taking) = mpsc::unbounded_channel();
        let session = Session::new(shared.epoch());
        Self {
            shared,
            line,
            session,
            inbox,
            events,
            takes,
            taking: Some(taking),
            positions: BTreeMap::new(),
            said_offers: None,
            said_lags: BTreeMap::new(),
            asking_lags: false,
            ask_lags_again: false,
            lag_due: true,
            taken: 0,
            looking: false,
            look_again: false,
            helpers: JoinSet::new(),
        }
    }

    async fn run(mut self, pair: Pair, out: Outbox) -> Refusal {
        let (control_in, control_out) = tokio::io::split(pair.control);
        let (bulk_in, bulk_out) = tokio::io::split(pair.bulk);
        let (bulk, bulk_frames) = mpsc::channel(BULK_MAX);
        let heard = Arc::new(AtomicUsize::new(0));
        let counter = Counter::open(&self.shared, &self.line, &bulk, &mut self.helpers);
        let hearer = tokio::spawn(hear(control_in, self.inbox.clone(), heard.clone()));
        let pace = self.line.pace.clone();
        let bulk_in = Paced::new(bulk_in, pace.down);
        let mut bulk_hearer = tokio::spawn(hear_bulk(bulk_in, self.line.clone(), heard.clone()));
        self.helpers.spawn(say_bulk(Paced::new(bulk_out, pace.up), bulk_frames));
        if let Some(taking) = self.taking.take() {
            let (shared, line) = (self.shared.clone(), self.line.clone());
            self.helpers.spawn(take_all(shared, line, taking, self.inbox.clone()));
        }
        let speaker = tokio::spawn(speak(control_out, out));
        let why = self.turn(&counter, &heard).await;
        self.line.say(&Control::Bye(why.clone()));
        // The line's sender lives on in whoever holds it; the speaker is stopped by an empty frame.
        self.line.hang_up();
        self.save_positions().await;
        // What arrived before the line broke need not come again.
        let broke = matches!(why, Refusal::Unreachable { .. });
        let drain = if broke { DRAIN_TIME } else { Duration::ZERO };
        timeout(drain, &mut bulk_hearer).await.map(drop).unwrap_or_default();
        bulk_hearer.abort();
        self.helpers.shutdown().await;
        drop(counter);
        self.events.close();
        // A stream that is closed with unread words in it takes back the last word that was said.
        let streams = [speaker.abort_handle(), hearer.abort_handle()];
        let last_words = futures::future::join(speaker, hearer);
        let patience = if broke { Duration::ZERO } else { BYE_TIME };
        timeout(patience, last_words).await.map(drop).unwrap_or_default();
        streams.iter().for_each(tokio::task::AbortHandle::abort);
        why
    }

    async fn turn(&mut self, counter: &Counter, heard: &AtomicUsize) -> Refusal {
        let mut ended = self.line.ended();
        let mut way = self.line.way.clone();
        let mut network = self.shared.network.subscribe();
        let mut records = self.shared.store.follow_records();
        let mut shares = self.shared.shares.subscribe();
        let mut anew = self.shared.anew.subscribe();
        let mut asked = anew.borrow_and_update().clone();
        let mut needs = self.shared.house.needs();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silence = Silence::new();
        let (mut lag_told, mut offers_due) = (Instant::now(), None::<Instant>);
        self.ask_shares();
        loop {
            tokio::select! {
                biased;
                why = why_ended(&mut ended) => return why,
                Some(event) = self.events.recv() => {
                    if let Err(why) = self.on(event, counter) {
                        return why;
                    }
                }
                Ok(()) = records.changed() => {
                    self.look();
                    // What is held out grows while its folder is read.
                    if self.said_offers.as_ref().is_some_and(|offers| !offers.is_empty()) {
                        offers_due.get_or_insert_with(|| Instant::now() + OFFERS_TIME);
                    }
                }
                Ok(()) = network.changed() => {
                    silence.network_changed(heard.load(Ordering::Relaxed));
                    self.line.say(&Control::Ping(0));
                }
                Ok(()) = way.changed() => self.shared.goes_otherwise(&self.line),
                Ok(()) = shares.changed() => self.ask_shares(),
                Ok(()) = anew.changed() => {
                    let now = anew.borrow_and_update().clone();
                    for share in now.keys().filter(|share| now.get(share) != asked.get(share)) {
                        self.positions.remove(share);
                        if let Err(why) = self.step(Input::Anew(*share)) {
                            return why;
                        }
                    }
                    asked = now;
                }
                Ok(()) = needs.changed() => {
                    self.lag_due = lag_told.elapsed() < TICK;
                    if !self.lag_due {
                        lag_told = Instant::now();
                        self.ask_lags();
                    }
                }
                _ = ticks.tick() => {
                    self.save_positions().await;
                    if std::mem::take(&mut self.lag_due) {
                        lag_told = Instant::now();
                        self.ask_lags();
                    }
                    if offers_due.take_if(|due| *due <= Instant::now()).is_some() {
                        self.ask_shares();
                    }
                    match silence.judge(heard.load(Ordering::Relaxed)) {
                        Sign::Fine => {}
                        Sign::Ask => self.line.say(&Control::Ping(0)),
                        Sign::Gone => return Refusal::Unreachable { sought: String::new() },
                    }
                }
            }
        }
    }

    fn on(&mut self, event: Event, counter: &Counter) -> Result<(), Refusal> {
        match event {
            Event::Heard(message) => self.heard(message, counter),
            Event::Broken(broken) => Err(crate::hello::broken(broken)),
            Event::Failed(failure) => Err(failure.into()),
            Event::Did(input) => self.step(input),
            Event::Shares(shares, offers) => {
                self.line.set_shares(shares.iter().map(|(share, _)| *share).collect());
                if self.said_offers.as_ref() != Some(&offers) {
                    let said = offers.iter().cloned().map(Blob).collect();
                    self.line.say(&Control::Offers(said));
                    self.said_offers = Some(offers);
                }
                self.step(Input::Shares(shares))?;
                self.ask_lags();
                self.shared.fetch.notify_one();
                Ok(())
            }
            Event::Newer(shares) => {
                self.looking = false;
                for share in shares {
                    self.step(Input::Changed(share))?;
                }
                if std::mem::take(&mut self.look_again) {
                    self.look();
                }
                Ok(())
            }
            Event::Lags(taken, lags) => {
                self.asking_lags = false;
                if taken == self.taken {
                    lags.into_iter().for_each(|(share, lag)| self.say_lag(share, lag));
                } else {
                    self.ask_lags_again = true;
                }
                if std::mem::take(&mut self.ask_lags_again) {
                    self.ask_lags();
                }
                Ok(())
            }
            Event::Took(input, lag) => {
                self.taken += 1;
                // Who hears that records were taken knows then what they make lacking.
                if let Some((share, lag)) = lag {
                    self.say_lag(share, lag);
                    // It may have been done with while this was on its way.
                    self.lag_due = true;
                }
                self.step(input)
            }
        }
    }

    fn say_lag(&mut self, share: ShareId, lag: Lag) {
        if self.said_lags.insert(share, lag) != Some(lag) {
            self.line.say(&Control::Lag { share, lag });
        }
    }

    fn heard(&mut self, message: Control, counter: &Counter) -> Result<(), Refusal> {
        let nonsense = |what: &str| Refusal::Nonsense { what: what.to_owned() };
        match message {
            Control::Fetch { .. }
            | Control::Want { .. }
            | Control::Narrow { .. }
            | Control::Cancel { .. } => counter.take(message).map_err(nonsense),
            Control::Ping(number) => {
                self.line.say(&Control::Pong(number));
                Ok(())
            }
            Control::Pong(_) => Ok(()),
            Control::Bye(why) => Err(why),
            Control::Lag { share, lag } => {
                self.line.note_lag(share, lag);
                // It got something, perhaps what it had not when it was asked.
                self.line.forget_gone();
                self.shared.fetch.notify_one();
                Ok(())
            }
            said @ Control::LagOf { .. } => {
                lags::heard(&self.shared, &self.line, &said);
                Ok(())
            }
            Control::Document { share, file, body } => {
                let from = self.line.hive;
                // What was said before the other end heard that the share ended is nothing.
                let taken = !self.line.has(share)
                    || self.shared.house.hear_document(from, share, file, body.0);
                if taken { Ok(()) } else { Err(nonsense("it talks faster than this hive listens")) }
            }
            Control::Offers(offers) => {
                let (shared, hive) = (self.shared.clone(), self.line.hive);
                self.helpers.spawn(async move {
                    let offers = offers.into_iter().map(|offer| offer.0).collect();
                    if let Err(failure) = shared.house.take_offers(hive, offers).await {
                        tracing::warn!(?hive, %failure, "offers could not be taken in");
                    }
                });
                Ok(())
            }
            message => self.step(Input::Heard(message)),
        }
    }

    fn step(&mut self, input: Input) -> Result<(), Refusal> {
        let share = share_of(&input);
        for output in self.session.on(input) {
            match output {
                Output::Say(message) => self.line.say(&message),
                Output::Load { share, round, since } => self.load(share, round, since),
                Output::Send { share, round, upto, records, live } => {
                    self.send(share, round, upto, records, live);
                }
                Output::Take { .. } => self.takes.send(output).unwrap_or_default(),
                Output::Reached { share, since } => {
                    self.positions.insert(share, since);
                }
                Output::Rest(share) => {
                    let inbox = self.inbox.clone();
                    self.helpers.spawn(async move {
                        tokio::time::sleep(REST_TIME).await;
                        inbox.send(Event::Did(Input::Retry(share))).await.unwrap_or_default();
                    });
                }
                Output::Nonsense(what) => {
                    return Err(Refusal::Nonsense { what: what.to_owned() });
                }
            }
        }
        if let Some(share) = share {
            let course = self.session.course(share);
            let in_step = course.they_have_all && course.we_have_all;
            self.line.note_course(share, in_step, course.taken);
        }
        Ok(())
    }

    fn ask_shares(&mut self) {
        let (shared, hive, inbox) = (self.shared.clone(), self.line.hive, self.inbox.clone());
        self.helpers.spawn(async move {
            let event = match shares_of(&shared, hive).await {
                Ok((shares, offers)) => Event::Shares(shares, offers),
                Err(failure) => Event::Failed(failure),
            };
            inbox.send(event).await.unwrap_or_default();
        });
    }

    fn ask_lags(&mut self) {
        if std::mem::replace(&mut self.asking_lags, true) {
            self.ask_lags_again = true;
            return;
        }
        let (shared, inbox) = (self.shared.clone(), self.inbox.clone());
        let (shares, taken) = (self.line.shares(), self.taken);
        self.helpers.spawn(async move {
            let mut lags = Vec::new();
            for share in shares {
                if let Ok(lag) = shared.house.lag(share).await {
                    lags.push((share, lag));
                }
            }
            inbox.send(Event::Lags(taken, lags)).await.unwrap_or_default();
        });
    }

    /// Looks which shares have records that were not sent.
    fn look(&mut self) {
        if std::mem::replace(&mut self.looking, true) {
            self.look_again = true;
            return;
        }
        let (shared, inbox, sending) =
            (self.shared.clone(), self.inbox.clone(), self.session.sending());
        self.helpers.spawn(async move {
            let newer = shared.store.read(move |view| -> Result<_, store::Error> {
                let mut newer = Vec::new();
                for (share, sent) in sending {
                    if store::newest_record(view, share)? > sent {
                        newer.push(share);
                    }
                }
                Ok(newer)
            });
            let event = match newer.await {
                Ok(newer) => Event::Newer(newer),
                Err(error) => Event::Failed(Failure::new(error)),
            };
            inbox.send(event).await.unwrap_or_default();
        });
    }

    fn load(&mut self, share: ShareId, round: u32, since: u64) {
        let (shared, inbox) = (self.shared.clone(), self.inbox.clone());
        self.helpers.spawn(async move {
            let loaded = shared.store.read(move |view| db::load(view, share, since, LOAD_BYTES));
            let event = match loaded.await {
                Ok((upto, more, records)) => {
                    let records = records.into_iter().map(Said::from).collect();
                    Event::Did(Input::Loaded { share, round, upto, more, records })
                }
                Err(error) => Event::Failed(Failure::new(error)),
            };
            inbox.send(event).await.unwrap_or_default();
        });
    }

    /// Sends records; live ones with their small contents, which takes a moment.
    fn send(&mut self, share: ShareId, round: u32, upto: Since, records: Vec<Said>, live: bool) {
        if !live || records.is_empty() {
            let contents = Vec::new();
            let message = Control::Records { share, round, upto, records, contents };
            return self.line.say(&message);
        }
        self.line.queue_live(Live { share, round, upto, records });
        if self.line.begin_live() {
            let (shared, line) = (self.shared.clone(), self.line.clone());
            self.helpers.spawn(send_live(shared, line));
        }
    }

    async fn save_positions(&mut self) {
        if self.positions.is_empty() {
            return;
        }
        let (positions, hive) = (std::mem::take(&mut self.positions), self.line.hive);
        let saved = self.shared.store.write(move |tx| {
            positions
                .iter()
                .try_for_each(|(share, since)| db::set_position(tx, hive, *share, *since))
        });
        if let Err(error) = saved.await {
            tracing::warn!(?hive, %error, "how far a friend's records were read is not kept");
        }
    }
}

async fn why_ended(ended: &mut watch::Receiver<Option<Refusal>>) -> Refusal {
    let end = ended.wait_for(Option::is_some).await;
    end.ok().and_then(|end| end.clone()).unwrap_or(Refusal::Stopping)
}

fn share_of(input: &Input) -> Option<ShareId> {
    match input {
        Input::Changed(share) | Input::Anew(share) | Input::Retry(share) => Some(*share),
        Input::Loaded { share, .. } | Input::Took { share, .. } => Some(*share),
        Input::Heard(
            Control::Follow { share, .. }
            | Control::Unfollow { share }
            | Control::Records { share, .. }
            | Control::Taken { share, .. },
        ) => Some(*share),
        Input::Heard(_) | Input::Shares(_) => None,
    }
}

type SharesAndOffers = (Vec<(ShareId, Option<Since>)>, Vec<Vec<u8>>);

async fn shares_of(shared: &Shared, hive: types::HiveId) -> Result<SharesAndOffers, Failure> {
    let shares = shared.house.shares(hive).await?;
    let offers = shared.house.offers(hive).await?;
    let with_positions = shared.store.read(move |view| -> Result<_, store::Error> {
        shares
            .into_iter()
            .map(|share| Ok((share, db::position(view, hive, share)?)))
            .collect::<Result<Vec<_>, store::Error>>()
    });
    Ok((with_positions.await.map_err(Failure::new)?, offers))
}

/// Sends what is queued, in order, each batch with the small contents that it names.
async fn send_live(shared: Arc<Shared>, line: Arc<Line>) {
    while let Some(Live { share, round, upto, records }) = line.next_live() {
        let (mut hashes, mut bytes) = (Vec::new(), 0);
        for said in &records {
            let record = Record {
                seq: 0,
                kind: said.kind,
                key: said.key.0.clone(),
                body: said.body.0.clone(),
            };
            for named in shared.house.named(share, &record) {
                let after = bytes + named.size;
                let urgent = after <= URGENT_BYTES_MAX || line.pace.up.is_open();
                let fits = after <= INLINE_BYTES_MAX as u64 && urgent;
                if named.size <= crate::SMALL_BYTES_MAX && fits {
                    bytes = after;
                    hashes.push(named.hash);
                }
            }
        }
        // What cannot be read now is asked for.
        let found = match hashes.is_empty() {
            true => Vec::new(),
            false => {
                let found = shared.house.small_contents(share, hashes, INLINE_BYTES_MAX).await;
                found.unwrap_or_default()
            }
        };
        let bytes: usize = found.iter().map(|(_, bytes)| bytes.len()).sum();
        line.note_traffic(share, 0, bytes as u64);
        line.pace.up.spend(bytes);
        let contents = found.into_iter().map(|(hash, bytes)| Given { hash, bytes: Blob(bytes) });
        let contents = contents.collect();
        line.say(&Control::Records { share, round, upto, records, contents });
    }
}

/// Takes records in, one batch after the other, their contents first.
async fn take_all(
    shared: Arc<Shared>,
    line: Arc<Line>,
    mut taking: mpsc::UnboundedReceiver<Output>,
    inbox: mpsc::Sender<Event>,
) {
    while let Some(output) = taking.recv().await {
        let Output::Take { share, round, upto, records, contents } = output else { continue };
        if line.cut.load(Ordering::SeqCst) {
            return;
        }
        line.forget_gone();
        let mut given = Vec::with_capacity(contents.len());
        for Given { hash, bytes } in contents {
            if types::Hash::of(&bytes.0) != hash {
                let what = "a content is not what its hash says".to_owned();
                return line.end(Refusal::Nonsense { what });
            }
            line.note_traffic(share, bytes.0.len() as u64, 0);
            line.pace.down.spend(bytes.0.len());
            given.push((hash, bytes.0));
        }
        let mut took = Ok(());
        let any = !records.is_empty();
        if !given.is_empty() {
            took = shared.house.give(share, given).await;
        }
        if took.is_ok() && any {
            let records = records.into_iter().map(Record::from).collect();
            took = shared.house.take(line.hive, share, records).await;
        }
        if let Err(failure) = &took {
            tracing::warn!(%share, %failure, "a friend's records could not be taken in");
        }
        shared.fetch.notify_one();
        let lag = match took.is_ok() && any {
            true => shared.house.lag(share).await.ok().map(|lag| (share, lag)),
            false => None,
        };
        let did = Event::Took(Input::Took { share, round, upto, done: took.is_ok() }, lag);
        if inbox.send(did).await.is_err() {
            return;
        }
    }
}
