//! Certificates of hives that are reached by a link, checked as the system trusts them, or by an
//! authority that the person named.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Speaks TLS with the hive of this name. `authority`: the file of a hive's own authority.
pub(crate) async fn connect(
    host: &str,
    authority: Option<&Path>,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = authority {
        let named = |why: String| format!("{} cannot be used: {why}", file.display());
        let found: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
        for certificate in found.map_err(|error| named(error.to_string()))? {
            roots.add(certificate).map_err(|error| named(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .map_err(|error| error.to_string())?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| {
        format!(
            "its certificate is not trusted here ({error}). If the hive signs its own, ask its \
             owner for the file tls/authority.pem and name it: --authority FILE"
        )
    })
}
