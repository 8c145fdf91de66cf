//! The number and byte-string encoding of lib0, the base of every Yjs frame.

/// Bytes that do not follow the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// The largest integer that JavaScript counts exactly.
pub const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Reads from the front of some bytes; never beyond their end.
#[derive(Clone)]
pub struct Reader<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(all: &'a [u8]) -> Self {
        Self { all, at: 0 }
    }

    /// How many bytes were read.
    pub fn at(&self) -> usize {
        self.at
    }

    pub fn left(&self) -> usize {
        self.all.len() - self.at
    }

    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.all.get(self.at).ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    pub fn uint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..56).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return if value <= SAFE_INTEGER_MAX { Ok(value) } else { Err(Malformed) };
            }
        }
        Err(Malformed)
    }

    /// A clock or a length, which yrs and Yjs count in 31 bits.
    pub fn clock(&mut self) -> Result<u32, Malformed> {
        let value = self.uint()?;
        if value <= i32::MAX as u64 {
            u32::try_from(value).map_err(|_| Malformed)
        } else {
            Err(Malformed)
        }
    }

    /// How many things follow, each of which takes at least `bytes_each`.
    pub fn count(&mut self, bytes_each: usize) -> Result<usize, Malformed> {
        let value = usize::try_from(self.uint()?).map_err(|_| Malformed)?;
        if value <= self.left() / bytes_each { Ok(value) } else { Err(Malformed) }
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.count(1)?;
        let bytes = &self.all[self.at..self.at + length];
        self.at += length;
        Ok(bytes)
    }

    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }
}

pub fn push_uint(target: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        target.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    target.push(value as u8);
}

pub fn push_bytes(target: &mut Vec<u8>, bytes: &[u8]) {
    push_uint(target, bytes.len() as u64);
    target.extend_from_slice(bytes);
}
