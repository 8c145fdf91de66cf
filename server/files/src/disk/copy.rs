//! Bytes from file to file and by position, holes as holes.

use std::io;

/// Copies a range from file to file, holes as holes, sharing its blocks where the file system can.
#[cfg(target_os = "linux")]
pub(crate) fn copy_range(
    from: &std::fs::File,
    start: u64,
    to: &std::fs::File,
    at: u64,
    length: u64,
) -> io::Result<()> {
    let end = start.saturating_add(length);
    let mut next = start;
    while next < end {
        let Some((data, hole)) = data_after(from, next, end)? else { break };
        punch(to, at + (next - start), data - next)?;
        copy_data(from, data, to, at + (data - start), hole - data)?;
        next = hole;
    }
    punch(to, at + (next - start), end - next)
}

/// The next stretch of a file that holds data, up to an end; `None` if only a hole follows.
#[cfg(target_os = "linux")]
fn data_after(file: &std::fs::File, start: u64, end: u64) -> io::Result<Option<(u64, u64)>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;
    let data = match seek(file, SeekFrom::Data(start)) {
        Ok(data) if data < end => data,
        Ok(_) => return Ok(None),
        // Past the last data, or past the end: the latter must not pass for a hole.
        Err(Errno::NXIO) if file.metadata()?.len() >= end => return Ok(None),
        Err(Errno::NXIO) => return Err(io::ErrorKind::UnexpectedEof.into()),
        Err(Errno::INVAL) => return Ok(Some((start, end))),
        Err(error) => return Err(error.into()),
    };
    let hole = seek(file, SeekFrom::Hole(data)).unwrap_or(end).clamp(data, end);
    if hole == data { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(Some((data, hole))) }
}

/// Makes a stretch read as zeros, without blocks where the file system can.
#[cfg(target_os = "linux")]
fn punch(file: &std::fs::File, at: u64, length: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    if length == 0 {
        return Ok(());
    }
    let end = at.saturating_add(length);
    if file.metadata()?.len() < end {
        file.set_len(end)?;
    }
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    if fallocate(file, flags, at, length).is_ok() {
        return Ok(());
    }
    let zeros = vec![0; 256 * 1_024];
    let mut at = at;
    while at < end {
        let piece = usize::try_from(end - at).unwrap_or(usize::MAX).min(zeros.len());
        write_at(file, at, &zeros[..piece])?;
        at += piece as u64;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn copy_data(
    from: &std::fs::File,
    start: u64,
    to: &std::fs::File,
    at: u64,
    length: u64,
) -> io::Result<()> {
    use rustix::fs::copy_file_range;
    let (mut start, mut at, end) = (start, at, start.saturating_add(length));
    while start < end {
        let left = usize::try_from(end - start).unwrap_or(usize::MAX).min(1 << 30);
        match copy_file_range(from, Some(&mut start), to, Some(&mut at), left) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(
                rustix::io::Errno::XDEV
                | rustix::io::Errno::INVAL
                | rustix::io::Errno::NOSYS
                | rustix::io::Errno::OPNOTSUPP,
            ) => return copy_bytes(from, start, to, at, end - start),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn copy_range(
    from: &std::fs::File,
    start: u64,
    to: &std::fs::File,
    at: u64,
    length: u64,
) -> io::Result<()> {
    copy_bytes(from, start, to, at, length)
}

fn copy_bytes(
    from: &std::fs::File,
    mut start: u64,
    to: &std::fs::File,
    mut at: u64,
    mut length: u64,
) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1_024];
    while length > 0 {
        let wanted = usize::try_from(length).unwrap_or(usize::MAX).min(buffer.len());
        let read = read_at(from, start, &mut buffer[..wanted])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        write_at(to, at, &buffer[..read])?;
        start += read as u64;
        at += read as u64;
        length -= read as u64;
    }
    Ok(())
}

#[cfg(unix)]
pub(crate) fn read_at(file: &std::fs::File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(unix)]
pub(crate) fn write_at(file: &std::fs::File, at: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
pub(crate) fn read_at(file: &std::fs::File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

#[cfg(windows)]
pub(crate) fn write_at(file: &std::fs::File, at: u64, bytes: &[u8]) -> io::Result<()> {
    let (mut at, mut bytes) = (at, bytes);
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        at += written as u64;
        bytes = &bytes[written..];
    }
    Ok(())
}

/// The hash of what the disk itself gives, not of what memory remembers of it; of nothing when the
/// disk gives nothing.
pub(crate) fn print_of(file: &std::fs::File) -> types::Hash {
    forget_pages(file);
    hash_from_start(file).unwrap_or_else(|error| {
        tracing::warn!(%error, "the disk does not give back what was written");
        types::Hash::of(b"")
    })
}

/// The hash of an open file's content, wherever it was read to.
pub(crate) fn hash_from_start(file: &std::fs::File) -> io::Result<types::Hash> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 256 * 1_024];
    let mut at = 0;
    loop {
        let read = read_at(file, at, &mut buffer)?;
        if read == 0 {
            return Ok(types::Hash::from_bytes(*hasher.finalize().as_bytes()));
        }
        hasher.update(&buffer[..read]);
        at += read as u64;
    }
}

#[cfg(target_os = "linux")]
fn forget_pages(file: &std::fs::File) {
    // Where it cannot be asked for, memory is looked at.
    let _unheard = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn forget_pages(_: &std::fs::File) {}
