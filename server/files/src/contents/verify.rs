//! What a content that is being received really is: read back from its file, beside the writing.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use store::Measured;
use types::Hash;

use crate::disk::read_at;

/// What is smaller is read when it is whole.
const BESIDE_BYTES_MIN: u64 = 4 * 1_024 * 1_024;

/// Reads a file as far as it is written without a gap, and on as it grows.
pub(super) struct Verifier {
    reach: Arc<Reach>,
    plan: Plan,
    worker: Option<JoinHandle<io::Result<Measured>>>,
}

/// What is to be read.
struct Plan {
    file: File,
    size: u64,
    /// Whether it is to be told where it is cut.
    outlined: bool,
}

#[derive(Default)]
struct Reach {
    upto: Mutex<Option<u64>>,
    moved: Condvar,
}

impl Verifier {
    pub(super) fn begin(file: &File, size: u64, outlined: bool) -> io::Result<Self> {
        let plan = Plan { file: file.try_clone()?, size, outlined };
        let reach = Arc::new(Reach { upto: Mutex::new(Some(0)), ..Reach::default() });
        let worker = match size >= BESIDE_BYTES_MIN {
            false => None,
            true => {
                let (plan, reach) = (plan.again()?, reach.clone());
                Some(Builder::new().spawn(move || plan.measure(&reach))?)
            }
        };
        Ok(Self { reach, plan, worker })
    }

    /// It is written without a gap up to here.
    pub(super) fn reaches(&self, upto: u64) {
        self.reach.set(Some(upto));
    }

    /// What the whole is. Waits for it to be read.
    pub(super) fn finish(&mut self) -> io::Result<Measured> {
        self.reaches(self.plan.size);
        match self.worker.take() {
            Some(worker) => worker.join().unwrap_or_else(|_| Err(io::Error::other("not read"))),
            None => self.plan.measure(&self.reach),
        }
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        self.reach.set(None);
    }
}

impl Plan {
    fn again(&self) -> io::Result<Self> {
        Ok(Self { file: self.file.try_clone()?, ..*self })
    }

    fn measure(&self, reach: &Reach) -> io::Result<Measured> {
        let reader = Growing { plan: self, reach, at: 0 };
        if self.outlined {
            return store::measure(reader);
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(reader)?;
        let (hash, size) = (Hash::from_bytes(*hasher.finalize().as_bytes()), hasher.count());
        Ok(Measured { hash, size, outline: None })
    }
}

impl Reach {
    fn upto(&self) -> MutexGuard<'_, Option<u64>> {
        self.upto.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, upto: Option<u64>) {
        *self.upto() = upto;
        self.moved.notify_all();
    }

    /// How far it may be read, once that is beyond a position; `None` if it never will be.
    fn beyond(&self, at: u64) -> Option<u64> {
        let waits = |upto: &mut Option<u64>| upto.is_some_and(|upto| upto <= at);
        let upto = self.moved.wait_while(self.upto(), waits);
        *upto.unwrap_or_else(PoisonError::into_inner)
    }
}

struct Growing<'a> {
    plan: &'a Plan,
    reach: &'a Reach,
    at: u64,
}

impl Read for Growing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.plan.size || buffer.is_empty() {
            return Ok(0);
        }
        let upto = self.reach.beyond(self.at);
        let upto = upto.ok_or_else(|| io::Error::other("it is no longer received"))?;
        let there = usize::try_from(upto - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let read = read_at(&self.plan.file, self.at, &mut buffer[..there])?;
        self.at += read as u64;
        Ok(read)
    }
}
