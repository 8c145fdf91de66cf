//! How often one address may guess, and how much work strangers may cause at a time.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;

use crate::Error;

/// Attempts to present a secret or password: twenty at once, then one every three seconds.
const GUESSES_BURST: NonZeroU32 = NonZeroU32::new(20).expect("twenty is not zero");
const GUESS_EVERY: Duration = Duration::from_secs(3);
/// All other calls of one address.
const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(500).expect("it is not zero");
/// Password hashes computed at the same time: each takes tens of milliseconds and 19 MiB.
const HASHES_MAX: usize = 2;
/// Beyond this many addresses the table is cleaned before the next look-up.
const ADDRESSES_MAX: usize = 10_000;

/// How a route counts against its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rate {
    /// Takes a secret or password from somebody not yet known.
    Guess,
    Call,
}

pub(crate) struct Limits {
    guesses: DefaultKeyedRateLimiter<IpAddr>,
    calls: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    hashes: Semaphore,
}

impl Default for Limits {
    fn default() -> Self {
        let guesses = Quota::with_period(GUESS_EVERY).expect("three seconds are not zero");
        Self {
            guesses: RateLimiter::keyed(guesses.allow_burst(GUESSES_BURST)),
            calls: RateLimiter::keyed(Quota::per_second(CALLS_PER_SECOND)),
            clock: DefaultClock::default(),
            hashes: Semaphore::new(HASHES_MAX),
        }
    }
}

impl Limits {
    pub(crate) fn check(&self, rate: Rate, from: IpAddr) -> Result<(), Error> {
        let limiter = match rate {
            Rate::Guess => &self.guesses,
            Rate::Call => &self.calls,
        };
        if limiter.len() > ADDRESSES_MAX {
            limiter.retain_recent();
        }
        limiter.check_key(&network_of(from)).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Error::slow_down(wait.as_secs().max(1))
        })
    }

    /// Runs one slow password computation on a thread that may block.
    pub(crate) async fn hash<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let stopping = || Error::from(store::Error::Closed);
        let _turn = self.hashes.acquire().await.map_err(|_| stopping())?;
        tokio::task::spawn_blocking(compute).await.map_err(|_| stopping())
    }
}

/// One household has a whole IPv6 /64, so addresses in it count as one.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        },
    }
}
