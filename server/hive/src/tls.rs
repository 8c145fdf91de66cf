//! Certificates for the network: the hive's own authority, or files that the owner gives.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::{Config, Error, Places, addresses, secrets};

/// The acceptor for the network's doors; `None` when certificates are off.
pub(crate) fn acceptor(
    places: &Places,
    config: &Config,
    network: &[IpAddr],
) -> Result<Option<TlsAcceptor>, Error> {
    let (chain, key) = match config.text("tls.mode") {
        "own" => own(places, network)?,
        "given" => given(config)?,
        _ => return Ok(None),
    };
    let bad = |error: rustls::Error| Error::Certificate { why: error.to_string() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(bad)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(bad)?;
    Ok(Some(TlsAcceptor::from(Arc::new(server))))
}

type ChainAndKey = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn given(config: &Config) -> Result<ChainAndKey, Error> {
    let bad = |what: &str, why: String| Error::Certificate { why: format!("{what}: {why}") };
    let (certificate, key) = (config.text("tls.certificate"), config.text("tls.key"));
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| bad(certificate, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, error.to_string()))?;
    Ok((chain, key))
}

/// A certificate for the machine's present names and addresses, signed by the hive's own authority,
/// which is made once. Friends who trust `authority.pem` are not asked again.
fn own(places: &Places, network: &[IpAddr]) -> Result<ChainAndKey, Error> {
    let bad = |error: rcgen::Error| Error::Certificate { why: error.to_string() };
    let folder = places.data.join("tls");
    let authority = authority(&folder)?;
    let mut names: Vec<String> = network.iter().map(IpAddr::to_string).collect();
    names.extend(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    if let Some(machine) = addresses::machine_name() {
        names.extend([machine.clone(), format!("{machine}.local")]);
    }
    let key = KeyPair::generate().map_err(bad)?;
    let mut params = CertificateParams::new(names).map_err(bad)?;
    params.distinguished_name.push(DnType::CommonName, "Skep hive");
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &authority).map_err(bad)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())
        .map_err(|why| Error::Certificate { why: why.to_owned() })?;
    Ok((vec![certificate.der().clone()], key))
}

fn authority(folder: &Path) -> Result<Issuer<'static, KeyPair>, Error> {
    let bad = |error: rcgen::Error| Error::Certificate { why: error.to_string() };
    let (certificate_file, key_file) = (folder.join("authority.pem"), folder.join("authority.key"));
    if let (Ok(certificate), Ok(key)) =
        (fs::read_to_string(&certificate_file), fs::read_to_string(&key_file))
    {
        let key = KeyPair::from_pem(&key).map_err(bad)?;
        return Issuer::from_ca_cert_pem(&certificate, key).map_err(bad);
    }
    fs::create_dir_all(folder)
        .map_err(|error| Error::NotWritable { path: folder.to_owned(), why: error.to_string() })?;
    let key = KeyPair::generate().map_err(bad)?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "Skep hive's own authority");
    let certificate = params.self_signed(&key).map_err(bad)?;
    secrets::write_private(&key_file, key.serialize_pem().as_bytes())?;
    secrets::write_private(&certificate_file, certificate.pem().as_bytes())?;
    Ok(Issuer::new(params, key))
}
