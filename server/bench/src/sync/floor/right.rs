//! The writing end of the floor: whole files under their names only, on the disk before that.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{copy_file_range, fsync, syncfs};

use crate::failure::Outcome;
use crate::print;
use crate::sync::floor::message::Message;

const BUFFER_BYTES: usize = 256 << 10;
/// So many files wait for one common sync at most.
const BATCH_MAX: usize = 20_000;

pub(crate) fn run(folder: &Path, port: u16) -> Outcome<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let (socket, _) = listener.accept()?;
    let input = BufReader::with_capacity(BUFFER_BYTES, socket);
    Right { folder: folder.to_owned(), input, written: Vec::new(), count: 0, done: 0 }.serve()
}

struct Right {
    folder: PathBuf,
    input: BufReader<TcpStream>,
    /// Files under temporary names, with their final ones.
    written: Vec<(PathBuf, PathBuf)>,
    count: u64,
    done: u64,
}

impl Right {
    fn serve(mut self) -> Outcome<()> {
        while let Some(message) = Message::read(&mut self.input)? {
            self.count += 1;
            match message {
                Message::Put { path, size, kept_front, kept_back } => {
                    self.put(&path, size, kept_front, kept_back)?;
                }
                Message::Folder { path } => fs::create_dir_all(self.folder.join(path))?,
                Message::Move { from, to } => {
                    self.commit()?;
                    fs::rename(self.folder.join(from), self.folder.join(to))?;
                }
                Message::Remove { path } => {
                    self.commit()?;
                    let path = self.folder.join(path);
                    // It may have gone with its folder.
                    fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).ok();
                }
            }
            if self.written.len() >= BATCH_MAX || !self.is_more_waiting()? {
                self.commit()?;
                self.done = self.count;
                print::line(&self.done.to_string())?;
            }
        }
        Ok(())
    }

    fn put(&mut self, path: &Path, size: u64, front: u64, back: u64) -> Outcome<()> {
        let path = self.folder.join(path);
        let temporary = self.folder.join(format!(".floor-{}", self.count));
        let mut file = File::create(&temporary)?;
        if front + back > 0 {
            // What it builds upon may itself wait for its name.
            self.commit()?;
            let old = File::open(&path)?;
            let old_size = old.metadata()?.len();
            copy(&old, 0, &file, 0, front)?;
            file.seek(SeekFrom::Start(front))?;
            self.take(&mut file, size - front - back)?;
            copy(&old, old_size - back, &file, size - back, back)?;
        } else {
            self.take(&mut file, size)?;
        }
        self.written.push((temporary, path));
        Ok(())
    }

    fn take(&mut self, file: &mut File, size: u64) -> Outcome<()> {
        let mut left = size;
        while left > 0 {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            file.write_all(&buffer[..now])?;
            self.input.consume(now);
            left -= now as u64;
        }
        Ok(())
    }

    /// One sync for all that came together, then the names.
    fn commit(&mut self) -> Outcome<()> {
        let written = std::mem::take(&mut self.written);
        match written.as_slice() {
            [] => return Ok(()),
            [(temporary, path)] => {
                fsync(File::open(temporary)?).map_err(std::io::Error::from)?;
                fs::rename(temporary, path)?;
            }
            all => {
                self.sync()?;
                for (temporary, path) in all {
                    fs::rename(temporary, path)?;
                }
                self.sync()?;
            }
        }
        Ok(())
    }

    fn sync(&self) -> Outcome<()> {
        Ok(syncfs(File::open(&self.folder)?).map_err(std::io::Error::from)?)
    }

    fn is_more_waiting(&self) -> Outcome<bool> {
        if !self.input.buffer().is_empty() {
            return Ok(true);
        }
        let mut asked = [PollFd::new(self.input.get_ref(), PollFlags::IN)];
        // The sender reads a file before it sends it. Several that wait for one sync may wait more.
        let nanoseconds = if self.written.len() > 1 { 10_000_000 } else { 300_000 };
        let moment = Timespec { tv_sec: 0, tv_nsec: nanoseconds };
        Ok(poll(&mut asked, Some(&moment)).map_err(std::io::Error::from)? > 0)
    }
}

fn copy(old: &File, mut from: u64, new: &File, mut to: u64, mut left: u64) -> Outcome<()> {
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(1 << 30);
        let copied = copy_file_range(old, Some(&mut from), new, Some(&mut to), now);
        let copied = copied.map_err(std::io::Error::from)?;
        if copied == 0 {
            let missing = std::io::ErrorKind::UnexpectedEof;
            return Err(std::io::Error::from(missing).into());
        }
        left -= copied as u64;
    }
    Ok(())
}
