//! Where a content is cut: FastCDC of 2020 (Xia et al.), 16, 64 and 256 KiB. What is shorter than
//! 64 KiB stays whole.

use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;

use fastcdc::v2020::FastCDC;

const CHUNK_BYTES_MIN: usize = 16 * 1_024;
const ONE_CHUNK_BYTES_MAX: usize = 64 * 1_024;
pub const CHUNK_BYTES_MAX: usize = 256 * 1_024;
/// So much is gathered before it is cut.
const WINDOW_BYTES: usize = 4 * CHUNK_BYTES_MAX;
/// So many windows wait for whoever takes them.
const WINDOWS_AHEAD: usize = 2;

/// Some chunks that follow each other.
pub(super) struct Run {
    pub(super) bytes: Vec<u8>,
    /// Where each chunk ends.
    ends: Vec<usize>,
}

impl Run {
    pub(super) fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// Cuts all that is read and hands it over, in order. Of what is large, more is read and cut while
/// some is taken.
pub(super) fn cut(reader: impl Read, mut take: impl FnMut(Run) + Send) -> io::Result<()> {
    let mut cuts = Cuts { reader, rest: Vec::new(), begun: false };
    let Some(first) = cuts.next()? else { return Ok(()) };
    take(first);
    let Some(second) = cuts.next()? else { return Ok(()) };
    thread::scope(|scope| {
        let (runs, waiting) = mpsc::sync_channel(WINDOWS_AHEAD);
        thread::Builder::new().spawn_scoped(scope, move || waiting.iter().for_each(take))?;
        let mut next = Some(second);
        while let Some(run) = next {
            if runs.send(run).is_err() {
                break;
            }
            next = cuts.next()?;
        }
        Ok(())
    })
}

struct Cuts<R> {
    reader: R,
    /// Read, and not cut yet.
    rest: Vec<u8>,
    begun: bool,
}

impl<R: Read> Cuts<R> {
    fn next(&mut self) -> io::Result<Option<Run>> {
        let mut bytes = std::mem::take(&mut self.rest);
        if !std::mem::replace(&mut self.begun, true) {
            self.fill(&mut bytes, ONE_CHUNK_BYTES_MAX)?;
            if bytes.len() < ONE_CHUNK_BYTES_MAX {
                let ends = vec![bytes.len()];
                return Ok((!bytes.is_empty()).then_some(Run { bytes, ends }));
            }
        }
        bytes.reserve_exact(WINDOW_BYTES.saturating_sub(bytes.len()));
        self.fill(&mut bytes, WINDOW_BYTES)?;
        // Where a chunk ends depends on nothing beyond its greatest length.
        let ahead = if bytes.len() < WINDOW_BYTES { 1 } else { CHUNK_BYTES_MAX };
        let chunks = FastCDC::new(&bytes, CHUNK_BYTES_MIN, ONE_CHUNK_BYTES_MAX, CHUNK_BYTES_MAX);
        let whole = chunks.take_while(|chunk| bytes.len() - chunk.offset >= ahead);
        let ends: Vec<usize> = whole.map(|chunk| chunk.offset + chunk.length).collect();
        let Some(end) = ends.last() else { return Ok(None) };
        if *end < bytes.len() {
            self.rest.reserve_exact(WINDOW_BYTES);
            self.rest.extend_from_slice(&bytes[*end..]);
            bytes.truncate(*end);
        }
        Ok(Some(Run { bytes, ends }))
    }

    fn fill(&mut self, bytes: &mut Vec<u8>, size: usize) -> io::Result<()> {
        let lacking = size.saturating_sub(bytes.len());
        self.reader.by_ref().take(lacking as u64).read_to_end(bytes).map(drop)
    }
}
