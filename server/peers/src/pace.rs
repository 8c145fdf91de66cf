//! How fast contents may go: token buckets for all friends and for each, and streams that keep to
//! them. What is urgent does not wait, but counts.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use types::HiveId;

use crate::Limits;

/// What was not used is saved up for this long, so that a short message need not wait.
const SAVED: Duration = Duration::from_millis(250);
/// So much is written at once under a limit, that nothing else on the network has to wait long.
const SLICE_BYTES: usize = 16 * 1_024;
/// How soon a limit that was changed is seen by who waits.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A bucket that may be overdrawn: what does not wait is taken off what comes after it.
#[derive(Debug)]
struct Bucket {
    /// Bytes a second; 0: as fast as it goes.
    rate: u64,
    level: f64,
    filled_at: Instant,
}

impl Bucket {
    fn new(now: Instant) -> Self {
        Self { rate: 0, level: 0.0, filled_at: now }
    }

    fn set(&mut self, rate: u64, now: Instant) {
        if self.rate != rate {
            *self = Self { rate, ..Self::new(now) };
        }
    }

    fn fill(&mut self, now: Instant) {
        let rate = self.rate as f64;
        let came = rate * now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.level = (self.level + came).min(rate * SAVED.as_secs_f64());
        self.filled_at = now;
    }

    /// How long it is empty still.
    fn wait(&mut self, now: Instant) -> Duration {
        if self.rate == 0 {
            return Duration::ZERO;
        }
        self.fill(now);
        if self.level > 0.0 {
            return Duration::ZERO;
        }
        // A little more than none must be there.
        let lacks = (1.0 - self.level) / self.rate as f64;
        Duration::try_from_secs_f64(lacks).unwrap_or(LOOK_EVERY)
    }

    fn spend(&mut self, bytes: usize, now: Instant) {
        if self.rate > 0 {
            self.fill(now);
            self.level -= bytes as f64;
        }
    }
}

/// One direction: of all links together, and of one.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    buckets: [Arc<Mutex<Bucket>>; 2],
}

impl Way {
    fn each(&self) -> impl Iterator<Item = MutexGuard<'_, Bucket>> {
        self.buckets.iter().map(|bucket| lock(bucket))
    }

    fn is_limited(&self) -> bool {
        self.each().any(|bucket| bucket.rate > 0)
    }

    /// Whether something could go now without waiting.
    pub(crate) fn is_open(&self) -> bool {
        self.wait().is_zero()
    }

    fn wait(&self) -> Duration {
        let now = Instant::now();
        self.each().map(|mut bucket| bucket.wait(now)).max().unwrap_or_default()
    }

    /// Rests for a moment if nothing could go now; tells whether it did. Blocks.
    pub(crate) fn rest_blocking(&self) -> bool {
        let wait = self.wait().min(LOOK_EVERY);
        std::thread::sleep(wait);
        !wait.is_zero()
    }

    pub(crate) fn spend(&self, bytes: usize) {
        let now = Instant::now();
        self.each().for_each(|mut bucket| bucket.spend(bytes, now));
    }
}

/// Both directions of a link.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    pub(crate) up: Way,
    pub(crate) down: Way,
}

/// The limits in force.
pub(crate) struct Paces {
    all: [Arc<Mutex<Bucket>>; 2],
    each: Mutex<BTreeMap<HiveId, [Arc<Mutex<Bucket>>; 2]>>,
}

impl Default for Paces {
    fn default() -> Self {
        Self { all: unlimited(), each: Mutex::default() }
    }
}

impl Paces {
    pub(crate) fn of(&self, hive: HiveId) -> Pace {
        let one = lock(&self.each).entry(hive).or_insert_with(unlimited).clone();
        let way = |at: usize| Way { buckets: [self.all[at].clone(), one[at].clone()] };
        Pace { up: way(0), down: way(1) }
    }

    pub(crate) fn limit_all(&self, limits: Limits) {
        set(&self.all, limits);
    }

    /// Who is missing has no limit of their own.
    pub(crate) fn limit_each(&self, limits: impl Iterator<Item = (HiveId, Limits)>) {
        let limits: BTreeMap<HiveId, Limits> = limits.collect();
        let mut each = lock(&self.each);
        for hive in limits.keys() {
            each.entry(*hive).or_insert_with(unlimited);
        }
        for (hive, buckets) in each.iter() {
            set(buckets, limits.get(hive).copied().unwrap_or_default());
        }
    }
}

fn unlimited() -> [Arc<Mutex<Bucket>>; 2] {
    let now = Instant::now();
    [(); 2].map(|()| Arc::new(Mutex::new(Bucket::new(now))))
}

fn set(buckets: &[Arc<Mutex<Bucket>>; 2], limits: Limits) {
    let now = Instant::now();
    for (bucket, rate) in buckets.iter().zip([limits.up, limits.down]) {
        lock(bucket).set(rate, now);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream of contents that keeps to a limit.
pub(crate) struct Paced<S> {
    stream: S,
    way: Way,
    rest: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(crate) fn new(stream: S, way: Way) -> Self {
        Self { stream, way, rest: None }
    }

    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(rest) = &mut self.rest {
                ready!(rest.as_mut().poll(context));
            }
            let wait = self.way.wait();
            self.rest =
                (!wait.is_zero()).then(|| Box::pin(tokio::time::sleep(wait.min(LOOK_EVERY))));
            if self.rest.is_none() {
                return Poll::Ready(());
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.way.is_limited() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        ready!(self.poll_open(context));
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        self.way.spend(buffer.filled().len().saturating_sub(before));
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.way.is_limited() {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
        ready!(self.poll_open(context));
        let slice = &bytes[..bytes.len().min(SLICE_BYTES)];
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, slice));
        self.way.spend(*written.as_ref().unwrap_or(&0));
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_any_time_no_more_goes_than_the_rate_and_what_was_saved() {
        let begun = Instant::now();
        let (mut bucket, mut now, mut sent) = (Bucket::new(begun), begun, 0_u64);
        bucket.set(100_000, now);
        for round in 0..1_000_u64 {
            now += bucket.wait(now);
            assert_eq!(bucket.wait(now), Duration::ZERO, "who waited may go");
            let bytes = 1 + round * 37 % 16_384;
            bucket.spend(bytes as usize, now);
            sent += bytes;
            let most = 100_000.0 * (now - begun).as_secs_f64() + 25_000.0 + 16_384.0;
            assert!(sent as f64 <= most, "{sent} bytes in {:?}", now - begun);
        }
        assert!(now - begun > Duration::from_secs(70), "{:?}", now - begun);
    }

    #[test]
    fn what_did_not_wait_is_waited_for_by_what_comes_after_it() {
        let now = Instant::now();
        let mut bucket = Bucket::new(now);
        assert_eq!(bucket.wait(now), Duration::ZERO);
        bucket.spend(1 << 30, now);
        assert_eq!(bucket.wait(now), Duration::ZERO, "without a limit nothing counts");
        bucket.set(1_000, now);
        bucket.spend(5_000, now);
        let wait = bucket.wait(now);
        assert!((5.0..5.1).contains(&wait.as_secs_f64()), "{wait:?}");
        bucket.set(0, now);
        assert_eq!(bucket.wait(now), Duration::ZERO, "the limit was lifted");
    }
}
