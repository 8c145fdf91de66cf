//! What hives say to each other, and how it is written: a length, a mark, postcard.
//!
//! A message never loses a variant or a field and never reorders them. New variants go to the end
//! and are said only to hives whose hello names the protocol that brought them.

use std::fmt;
use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use store::Record;
use tokio::io::{AsyncRead, AsyncReadExt};
use types::{FileId, Hash, HiveId, ShareId};

use crate::{About, Lag, Refusal};

/// The newest protocol that this hive speaks, and the oldest that it still understands.
pub(crate) const PROTOCOL: u16 = 4;
/// The protocol that brought documents that are open on both hives.
pub(crate) const PROTOCOL_OF_DOCUMENTS: u16 = 4;
pub(crate) const PROTOCOL_OLDEST: u16 = 3;
/// No frame is longer, packed or not.
pub(crate) const FRAME_BYTES_MAX: usize = 2 * 1_024 * 1_024;
/// Frames of strangers are shorter.
pub(crate) const HELLO_BYTES_MAX: usize = 16 * 1_024;
/// Contents travel in pieces of this size: with its frame each fills its records to the last one.
pub(crate) const PIECE_BYTES: usize = 256 * 1_024 - 32;
const PACK_BYTES_MIN: usize = 512;
const SAMPLE_BYTES: usize = 4 * 1_024;
const MAGIC: [u8; 4] = *b"skep";

/// The first word of each end. Its first eight bytes stay as they are in every protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) about: About,
    pub(crate) purpose: Purpose,
    /// Where the sender can be called.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The sender's clock, in milliseconds since 1970.
    pub(crate) now: i64,
    /// Drawn at each start of the sender.
    pub(crate) run: u64,
    /// Names under which the sender can be called, and the relay at which it waits.
    pub(crate) further: Vec<String>,
    /// The newest protocol that the sender speaks: one of the first eight bytes.
    #[serde(skip)]
    pub(crate) newest: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// They are friends.
    Link,
    /// The secret of an invitation.
    Secret([u8; 16]),
    /// The first messages of proofs of an invitation's words, one for each that may be open.
    Words(Vec<Blob>),
}

/// What the called end says after its hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    Welcome,
    Refused(Refusal),
    /// For each invitation with words: the second message, and the proof of its words.
    Words(Vec<(Blob, [u8; 32])>),
}

/// On the control stream, both ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Control {
    /// Send the records of this share after the position, and go on doing so.
    Follow {
        share: ShareId,
        round: u32,
        since: Option<Since>,
    },
    Unfollow {
        share: ShareId,
    },
    /// In answer to a follow: everything up to the position, the first time and later.
    Records {
        share: ShareId,
        round: u32,
        upto: Since,
        records: Vec<Said>,
        contents: Vec<Given>,
    },
    /// These are durable.
    Taken {
        share: ShareId,
        round: u32,
        at: u64,
    },
    Offers(Vec<Blob>),
    Lag {
        share: ShareId,
        lag: Lag,
    },
    /// Small contents, wanted whole.
    Fetch {
        id: u64,
        share: ShareId,
        hashes: Vec<Hash>,
    },
    /// Ranges of a content; as a difference to the base, if there is one.
    Want {
        id: u64,
        share: ShareId,
        hash: Hash,
        base: Option<Hash>,
        ranges: Vec<(u64, u64)>,
    },
    Cancel {
        id: u64,
    },
    Ping(u64),
    Pong(u64),
    Bye(Refusal),
    /// Prints of the pieces of spans (start, length) of a content.
    Narrow {
        id: u64,
        share: ShareId,
        hash: Hash,
        spans: Vec<(u64, u64)>,
    },
    /// How far another hive of the share was, as this one heard from it itself.
    LagOf {
        share: ShareId,
        hive: HiveId,
        lag: Lag,
        in_step: bool,
        /// How long ago, in milliseconds.
        age: u64,
    },
    /// About a document of a share that is open. The body is opaque here.
    Document {
        share: ShareId,
        file: FileId,
        body: Blob,
    },
}

/// On the bulk stream, both ways: answers to `Fetch`, `Want` and `Narrow`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Bulk {
    Small {
        id: u64,
        contents: Vec<Given>,
    },
    Piece {
        id: u64,
        at: u64,
        bytes: Blob,
    },
    Copy {
        id: u64,
        at: u64,
        from: u64,
        length: u64,
    },
    End {
        id: u64,
        outcome: Outcome,
    },
    /// Perhaps partly what the base has from `from` on or up to `to`; prints of the pieces.
    Unsure {
        id: u64,
        at: u64,
        length: u64,
        from: u64,
        to: u64,
        prints: Blob,
    },
    Prints {
        id: u64,
        prints: Blob,
    },
}

impl Bulk {
    pub(crate) const fn id(&self) -> u64 {
        match self {
            Self::Small { id, .. }
            | Self::Piece { id, .. }
            | Self::Copy { id, .. }
            | Self::Unsure { id, .. }
            | Self::Prints { id, .. }
            | Self::End { id, .. } => *id,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// Everything that was asked for went before, but for these.
    Sent {
        missing: Vec<Hash>,
    },
    /// Not here, or not for this friend.
    Gone,
    /// The base is not here any more: ask without.
    NoBase,
    Failed,
}

/// How far somebody went through a hive's records: a position, and in which count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Since {
    pub(crate) epoch: u64,
    pub(crate) at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) kind: u8,
    pub(crate) key: Blob,
    pub(crate) body: Blob,
}

impl From<Record> for Said {
    fn from(record: Record) -> Self {
        Self { kind: record.kind, key: Blob(record.key), body: Blob(record.body) }
    }
}

impl From<Said> for Record {
    fn from(said: Said) -> Self {
        Self { seq: 0, kind: said.kind, key: said.key.0, body: said.body.0 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) hash: Hash,
    pub(crate) bytes: Blob,
}

/// Bytes that are written as they are.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl fmt::Debug for Blob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Blob;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// Why nothing more can be read from the other end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the connection ended: {0}")]
    Lost(#[from] std::io::Error),
    #[error("{0}")]
    Nonsense(&'static str),
}

/// A message as a frame, packed if that pays.
pub(crate) fn frame<T: Serialize>(message: &T) -> Vec<u8> {
    let body = postcard::to_stdvec(message).expect("messages must be writable");
    finish_frame(body)
}

fn finish_frame(body: Vec<u8>) -> Vec<u8> {
    let packed = pack(&body);
    let (mark, body) = match packed {
        Some(packed) => (1, packed),
        None => (0, body),
    };
    let length = u32::try_from(body.len() + 1).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(body.len() + 5);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.push(mark);
    frame.extend_from_slice(&body);
    frame
}

/// Tries a sample from the middle first: the beginning of a file is often unlike the rest.
fn pack(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() < PACK_BYTES_MIN {
        return None;
    }
    if body.len() > SAMPLE_BYTES * 2 {
        let start = (body.len() - SAMPLE_BYTES) / 2;
        let sample = zstd::bulk::compress(&body[start..start + SAMPLE_BYTES], 1).ok()?;
        if sample.len() * 10 > SAMPLE_BYTES * 9 {
            return None;
        }
    }
    let packed = zstd::bulk::compress(body, 1).ok()?;
    (packed.len() * 20 < body.len() * 19).then_some(packed)
}

/// The hello: fixed bytes that any protocol can read, then the rest.
pub(crate) fn hello_frame(hello: &Hello, newest: u16, oldest: u16) -> Vec<u8> {
    let mut body = MAGIC.to_vec();
    body.extend_from_slice(&newest.to_le_bytes());
    body.extend_from_slice(&oldest.to_le_bytes());
    body.extend(postcard::to_stdvec(hello).expect("messages must be writable"));
    finish_frame(body)
}

pub(crate) async fn read_hello(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Result<Hello, Refusal>, Broken> {
    let body = read_body(stream, HELLO_BYTES_MAX).await?;
    let foreign = Broken::Nonsense("its first word is no hello");
    let Some((head, rest)) = body.split_first_chunk::<8>() else { return Err(foreign) };
    if head[..4] != MAGIC {
        return Err(foreign);
    }
    let newest = u16::from_le_bytes([head[4], head[5]]);
    let oldest = u16::from_le_bytes([head[6], head[7]]);
    if oldest > PROTOCOL {
        return Ok(Err(Refusal::Newer));
    }
    if newest < PROTOCOL_OLDEST {
        return Ok(Err(Refusal::Older));
    }
    let mut hello: Hello =
        postcard::from_bytes(rest).map_err(|_| Broken::Nonsense("its hello cannot be read"))?;
    hello.newest = newest;
    hello.addresses.truncate(16);
    hello.further.truncate(16);
    for text in [&mut hello.about.name, &mut hello.about.hive_name, &mut hello.about.device] {
        *text = text.chars().take(100).collect();
    }
    Ok(Ok(hello))
}

pub(crate) async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
    bytes_max: usize,
) -> Result<T, Broken> {
    let body = read_body(stream, bytes_max).await?;
    postcard::from_bytes(&body).map_err(|_| Broken::Nonsense("a message cannot be read"))
}

/// Nothing is allocated that did not arrive, and nothing beyond the bound.
async fn read_body(
    stream: &mut (impl AsyncRead + Unpin),
    bytes_max: usize,
) -> Result<Vec<u8>, Broken> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if length == 0 || length - 1 > bytes_max {
        return Err(Broken::Nonsense("a message is too long"));
    }
    let mut body = Vec::with_capacity((length - 1).min(PIECE_BYTES + 1_024));
    let read = stream.take(length as u64 - 1).read_to_end(&mut body).await?;
    if read < length - 1 {
        return Err(Broken::Lost(std::io::ErrorKind::UnexpectedEof.into()));
    }
    match head[4] {
        0 => Ok(body),
        1 => unpack(&body, bytes_max),
        _ => Err(Broken::Nonsense("a message is marked in an unknown way")),
    }
}

fn unpack(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Broken> {
    let bad = Broken::Nonsense("a message cannot be unpacked");
    let size = zstd::zstd_safe::get_frame_content_size(body);
    let Ok(Some(size)) = size else { return Err(bad) };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > bytes_max {
        return Err(Broken::Nonsense("a message is too long"));
    }
    zstd::bulk::decompress(body, size).map_err(|_| bad)
}

#[cfg(test)]
mod tests;
