//! The watching end of the floor: inotify, and the difference to what the other end holds.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

use crate::failure::Outcome;
use crate::print;
use crate::sync::floor::message::Message;

const BUFFER_BYTES: usize = 256 << 10;
const EVENT_BYTES: usize = 64 << 10;
const PIECE: usize = 256 << 10;
/// Smaller files are sent whole; of larger ones no copy is kept to compare with.
const HELD_BYTES_MIN: u64 = 64 << 10;
const HELD_BYTES_MAX: u64 = 512 << 20;

pub(crate) fn run(folder: &Path, held: &Path, port: u16) -> Outcome<()> {
    fs::create_dir_all(held)?;
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_nodelay(true)?;
    let output = BufWriter::with_capacity(BUFFER_BYTES, socket);
    let watch = inotify::init(CreateFlags::CLOEXEC).map_err(io::Error::from)?;
    let (folder, held) = (folder.to_owned(), held.to_owned());
    let folders = HashMap::new();
    let mut left = Left { folder, held, folders, watch, output, count: 0, fresh: Vec::new() };
    left.enter(Path::new(""))?;
    print::line("0")?;
    left.follow()
}

struct Left {
    folder: PathBuf,
    held: PathBuf,
    folders: HashMap<i32, PathBuf>,
    watch: OwnedFd,
    output: BufWriter<TcpStream>,
    count: u64,
    /// Sent, and not yet copied to where it can be compared with.
    fresh: Vec<PathBuf>,
}

/// One event with its path.
struct Seen {
    flags: ReadFlags,
    path: PathBuf,
}

impl Left {
    fn follow(&mut self) -> Outcome<()> {
        loop {
            let mut pending: Option<Seen> = None;
            for seen in self.events()? {
                let was = pending.take();
                if seen.flags.contains(ReadFlags::MOVED_TO)
                    && let Some(was) = was
                {
                    self.moved(&was.path, &seen.path, seen.flags.contains(ReadFlags::ISDIR))?;
                    continue;
                }
                if let Some(was) = was {
                    self.send(&Message::Remove { path: was.path })?;
                }
                if seen.flags.contains(ReadFlags::MOVED_FROM) {
                    pending = Some(seen);
                } else {
                    self.changed(seen)?;
                }
            }
            if let Some(was) = pending {
                self.send(&Message::Remove { path: was.path })?;
            }
            self.output.flush()?;
            print::line(&self.count.to_string())?;
            self.hold()?;
        }
    }

    /// Waits for the next events.
    fn events(&mut self) -> Outcome<Vec<Seen>> {
        let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
        let mut reader = Reader::new(&self.watch, &mut buffer);
        let mut seen = Vec::new();
        loop {
            let event = reader.next().map_err(io::Error::from)?;
            let folder = self.folders.get(&event.wd());
            if let (Some(folder), Some(name)) = (folder, event.file_name()) {
                let path = folder.join(OsStr::from_bytes(name.to_bytes()));
                seen.push(Seen { flags: event.events(), path });
            }
            if reader.is_buffer_empty() {
                return Ok(seen);
            }
        }
    }

    fn changed(&mut self, seen: Seen) -> Outcome<()> {
        let is_folder = seen.flags.contains(ReadFlags::ISDIR);
        if seen.flags.intersects(ReadFlags::DELETE) {
            return self.send(&Message::Remove { path: seen.path });
        }
        if is_folder && seen.flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
            return self.enter(&seen.path);
        }
        if seen.flags.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO) {
            return self.put(&seen.path);
        }
        Ok(())
    }

    fn moved(&mut self, from: &Path, to: &Path, is_folder: bool) -> Outcome<()> {
        if is_folder {
            for path in self.folders.values_mut() {
                if let Ok(rest) = path.strip_prefix(from) {
                    // Joining nothing would leave a slash at the end.
                    *path = if rest == Path::new("") { to.to_owned() } else { to.join(rest) };
                }
            }
        }
        fs::rename(self.held_as(from), self.held_as(to)).ok();
        self.send(&Message::Move { from: from.to_owned(), to: to.to_owned() })
    }

    fn enter(&mut self, path: &Path) -> Outcome<()> {
        let full = self.folder.join(path);
        let wanted = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO;
        let number = inotify::add_watch(&self.watch, &full, wanted).map_err(io::Error::from)?;
        self.folders.insert(number, path.to_owned());
        if path != Path::new("") {
            self.send(&Message::Folder { path: path.to_owned() })?;
        }
        for entry in fs::read_dir(full)? {
            let entry = entry?;
            let inner = path.join(entry.file_name());
            match entry.file_type()?.is_dir() {
                true => self.enter(&inner)?,
                false => self.put(&inner)?,
            }
        }
        Ok(())
    }

    fn put(&mut self, path: &Path) -> Outcome<()> {
        // Gone again: there will be another event.
        let Ok(mut file) = File::open(self.folder.join(path)) else { return Ok(()) };
        let size = file.metadata()?.len();
        let old = File::open(self.held_as(path)).ok();
        let (kept_front, kept_back) =
            old.map_or(Ok((0, 0)), |mut old| common(&mut old, &mut file, size))?;
        let path = path.to_owned();
        self.send(&Message::Put { path: path.clone(), size, kept_front, kept_back })?;
        file.seek(SeekFrom::Start(kept_front))?;
        let literal = size - kept_front - kept_back;
        if literal > BUFFER_BYTES as u64 {
            self.output.flush()?;
            io::copy(&mut file.take(literal), self.output.get_mut())?;
        } else {
            io::copy(&mut file.take(literal), &mut self.output)?;
        }
        if (HELD_BYTES_MIN..=HELD_BYTES_MAX).contains(&size) {
            self.fresh.push(path);
        }
        Ok(())
    }

    fn send(&mut self, message: &Message) -> Outcome<()> {
        self.count += 1;
        message.write(&mut self.output)
    }

    /// Copies what was sent, for the next difference.
    fn hold(&mut self) -> Outcome<()> {
        for path in std::mem::take(&mut self.fresh) {
            // Gone again: there is nothing to compare with.
            fs::copy(self.folder.join(&path), self.held_as(&path)).ok();
        }
        Ok(())
    }

    fn held_as(&self, path: &Path) -> PathBuf {
        self.held.join(path.to_string_lossy().replace('/', "\u{1}"))
    }
}

/// How many bytes two files have in common at the front and, beyond those, at the back.
fn common(old: &mut File, new: &mut File, size: u64) -> Outcome<(u64, u64)> {
    let old_size = old.metadata()?.len();
    let least = old_size.min(size);
    let (mut left, mut right) = (vec![0; PIECE], vec![0; PIECE]);
    let mut front = 0;
    while front < least {
        let now = usize::try_from(least - front).unwrap_or(PIECE).min(PIECE);
        old.read_exact(&mut left[..now])?;
        new.read_exact(&mut right[..now])?;
        let same = left[..now].iter().zip(&right[..now]).take_while(|(a, b)| a == b).count();
        front += same as u64;
        if same < now {
            break;
        }
    }
    let mut back = 0;
    while front + back < least {
        let now = usize::try_from(least - front - back).unwrap_or(PIECE).min(PIECE);
        old.seek(SeekFrom::Start(old_size - back - now as u64))?;
        new.seek(SeekFrom::Start(size - back - now as u64))?;
        old.read_exact(&mut left[..now])?;
        new.read_exact(&mut right[..now])?;
        let pairs = left[..now].iter().rev().zip(right[..now].iter().rev());
        let same = pairs.take_while(|(a, b)| a == b).count();
        back += same as u64;
        if same < now {
            break;
        }
    }
    Ok((front, back))
}
