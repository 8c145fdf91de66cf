//! What speaks like a hive at the other end of a line and is none: it says exactly what a test
//! wants. Written from the wire's description alone, so that it does not share a hive's mistakes.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::{Signer as _, SigningKey};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, DistinguishedName, ServerConfig,
    ServerConnection, SignatureScheme, StreamOwned,
};
use tree::Node;
use types::{FileId, HiveId, Name, ShareId, Signature, Signer, Tick, Time, Vector};

/// What stands before an Ed25519 key, public (RFC 8410) and private (RFC 5958).
const PUBLIC: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const PRIVATE: [u8; 16] =
    [0x30, 0x2e, 2, 1, 0, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const SILENCE_MAX: Duration = Duration::from_secs(20);
const NODE: u8 = 1;

/// Somebody with a key of their own.
pub struct Stranger(SigningKey);

/// Both streams of a line.
pub struct Line {
    pub control: Box<dyn Stream>,
    pub bulk: Box<dyn Stream>,
}

pub trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

impl Stranger {
    pub fn new(number: u8) -> Self {
        Self(SigningKey::from_bytes(&[number; 32]))
    }

    /// Calls a hive as hives do, up to the point where words are said.
    ///
    /// # Errors
    /// If nobody answers, or not in the way of hives.
    pub fn call(&self, address: SocketAddr) -> io::Result<Line> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(io::Error::other)?;
        let keys = Arc::new(AlwaysResolvesClientRawPublicKeys::new(self.key()));
        let mut config = config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_client_cert_resolver(keys);
        config.alpn_protocols = vec![b"skep/1".to_vec()];
        config.resumption = Resumption::disabled();
        let config = Arc::new(config);
        let mark: [u8; 16] = rand::random();
        let open = |kind: u8| -> io::Result<Box<dyn Stream>> {
            let name = ServerName::try_from("skep").map_err(io::Error::other)?;
            let tls = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
            let tcp = TcpStream::connect(address)?;
            tcp.set_read_timeout(Some(SILENCE_MAX))?;
            let mut stream = StreamOwned::new(tls, tcp);
            stream.write_all(&[kind])?;
            stream.write_all(&mark)?;
            Ok(Box::new(stream))
        };
        Ok(Line { control: open(1)?, bulk: open(2)? })
    }

    /// Answers the next line that is called here, up to the point where words are said.
    ///
    /// # Errors
    /// If it is not called in the way of hives.
    pub fn answer(&self, door: &TcpListener) -> io::Result<Line> {
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(io::Error::other)?;
        let keys = Arc::new(AlwaysResolvesServerRawPublicKeys::new(self.key()));
        let mut config =
            config.with_client_cert_verifier(Arc::new(Anybody)).with_cert_resolver(keys);
        config.alpn_protocols = vec![b"skep/1".to_vec()];
        let config = Arc::new(config);
        let open = || -> io::Result<(u8, Box<dyn Stream>)> {
            let (tcp, _) = door.accept()?;
            tcp.set_read_timeout(Some(SILENCE_MAX))?;
            let tls = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(tls, tcp);
            let mut head = [0; 17];
            stream.read_exact(&mut head)?;
            Ok((head[0], Box::new(stream)))
        };
        let (kind, one) = open()?;
        let (_, other) = open()?;
        let (control, bulk) = if kind == 1 { (one, other) } else { (other, one) };
        Ok(Line { control, bulk })
    }

    fn key(&self) -> Arc<CertifiedKey> {
        let private = [&PRIVATE[..], &self.0.to_bytes()].concat();
        let key = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(private));
        let shown = [&PUBLIC[..], self.hive().as_bytes()].concat();
        let key = key.expect("a key must be a key");
        Arc::new(CertifiedKey::new(vec![CertificateDer::from(shown)], key))
    }

    /// A link to an invitation that this one answers at an address.
    pub fn link(&self, address: SocketAddr) -> String {
        let SocketAddr::V4(address) = address else { panic!("an address of four bytes") };
        let mut bytes = vec![1];
        bytes.extend(self.hive().as_bytes());
        bytes.extend([9; 16]);
        bytes.extend([1, 4]);
        bytes.extend(address.ip().octets());
        bytes.extend(address.port().to_be_bytes());
        bytes.extend(b"Mallory");
        format!("skep://join/{}", base32(&bytes))
    }

    /// A record of a folder that this one claims to have made in the root of a share.
    ///
    /// # Panics
    /// If the name is none.
    pub fn folder(&self, share: ShareId, name: &str) -> (u8, Vec<u8>, Vec<u8>) {
        let print = blake3::hash(name.as_bytes());
        let id = FileId::from_bytes(*print.as_bytes().first_chunk().expect("16 of 32 bytes"));
        let tick = Tick { count: 1, hive: self.hive() };
        let nothing = Signature::from_bytes([0; 64]);
        let name = Name::new(name).expect("a name");
        let parent = tree::root_of(share);
        let mut place =
            tree::Place { parent, name, tick, at: Time(0), carried: None, signature: nothing };
        place.signature = self.sign(&tree::place_message(share, id, &place));
        let mut version = tree::Version {
            vector: Vector::new().with_change_at(tick),
            what: tree::What::Folder,
            before: Vec::new(),
            tick,
            at: Time(0),
            by: None,
            carried: None,
            signature: nothing,
        };
        version.signature = self.sign(&tree::version_message(share, id, &version));
        let node = Node { id, place, versions: vec![version], gone: Vec::new() };
        let body = postcard::to_stdvec(&node).expect("a node must be writable");
        (NODE, id.as_bytes().to_vec(), body)
    }
}

impl Signer for Stranger {
    fn hive(&self) -> HiveId {
        HiveId::from_bytes(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Signature {
        Signature::from_bytes(self.0.sign(message).to_bytes())
    }
}

impl Line {
    /// Says who this is, in these protocols, and perhaps the secret of an invitation.
    ///
    /// # Errors
    /// If the line is cut.
    pub fn say_hello(
        &mut self,
        newest: u16,
        oldest: u16,
        secret: Option<[u8; 16]>,
    ) -> io::Result<()> {
        let mut body = b"skep".to_vec();
        body.extend(newest.to_le_bytes());
        body.extend(oldest.to_le_bytes());
        for text in ["Mallory", "Mallory's hive", "nothing"] {
            body.push(text.len() as u8);
            body.extend(text.bytes());
        }
        body.push(7);
        match secret {
            Some(secret) => {
                body.push(1);
                body.extend(secret);
            }
            None => body.push(0),
        }
        // No addresses, a clock that stands at 1970, the first run, no further names.
        body.extend([0, 0, 1, 0]);
        self.say(&body)
    }

    /// # Errors
    /// If the line is cut.
    pub fn say(&mut self, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 1).map_err(io::Error::other)?;
        self.control.write_all(&length.to_le_bytes())?;
        self.control.write_all(&[0])?;
        self.control.write_all(body)?;
        self.control.flush()
    }

    /// What is said next; what is packed is given empty.
    ///
    /// # Errors
    /// If the line is cut, or nothing is said.
    pub fn hear(&mut self) -> io::Result<Vec<u8>> {
        let mut head = [0; 5];
        self.control.read_exact(&mut head)?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let mut body = vec![0; (length as usize).saturating_sub(1)];
        self.control.read_exact(&mut body)?;
        Ok(if head[4] == 0 { body } else { Vec::new() })
    }

    /// Hands over records of a share, as an answer to what was asked in a round.
    ///
    /// # Errors
    /// If the line is cut.
    pub fn say_records(
        &mut self,
        share: ShareId,
        round: u32,
        at: u64,
        records: &[(u8, Vec<u8>, Vec<u8>)],
    ) -> io::Result<()> {
        let message = (2_u32, share, round, (1_u64, at), records, 0_u8);
        self.say(&postcard::to_stdvec(&message).map_err(io::Error::other)?)
    }

    /// Waits until the hive asks for the records of a share, and gives the round.
    ///
    /// # Errors
    /// If it never does.
    pub fn until_followed(&mut self, share: ShareId) -> io::Result<u32> {
        loop {
            let said = self.hear()?;
            type Follow = (u32, ShareId, u32);
            if let Ok(((0, asked, round), _)) = postcard::take_from_bytes::<Follow>(&said)
                && asked == share
            {
                return Ok(round);
            }
        }
    }

    /// Waits until the hive says that it took records up to a position.
    ///
    /// # Errors
    /// If it never does.
    pub fn until_taken(&mut self, position: u64) -> io::Result<()> {
        loop {
            let said = self.hear()?;
            type Taken = (u32, ShareId, u32, u64);
            if let Ok(((3, _, _, at), _)) = postcard::take_from_bytes::<Taken>(&said)
                && at >= position
            {
                return Ok(());
            }
        }
    }
}

fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let letters = (0..(bytes.len() * 8).div_ceil(5)).map(|letter| {
        let number = (letter * 5..letter * 5 + 5).fold(0, |number, at| number * 2 + bit(at));
        char::from(LETTERS[number])
    });
    letters.collect()
}

/// The secret in the link of an invitation.
///
/// # Panics
/// If it is no link.
pub fn secret_of(link: &str) -> [u8; 16] {
    let letters = link.rsplit('/').next().unwrap_or_default().bytes();
    let (mut bytes, mut rest, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in letters {
        let number = match letter {
            b'a'..=b'z' => letter - b'a',
            _ => letter - b'2' + 26,
        };
        rest = rest << 5 | u32::from(number);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((rest >> bits & 255) as u8);
        }
    }
    bytes[33..49].try_into().expect("a link must hold a secret")
}

/// Lets anybody in, and believes everybody.
#[derive(Debug)]
struct Anybody;

type Handshake = Result<HandshakeSignatureValid, rustls::Error>;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Handshake {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Handshake {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Anybody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Handshake {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Handshake {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl fmt::Debug for Stranger {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Stranger({:?})", self.hive())
    }
}
