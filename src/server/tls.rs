//! TLS of the server: the certificate and its key, as PEM files.

use crate::disk::{RealDisk, read_short};
use crate::error::{Error, Result};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

/// A file of certificates is no longer than this, in bytes.
const LIMIT: usize = 1 << 20;

/// Reads the certificate chain (the server's own first) and the key.
pub(super) fn acceptor(certificates: &Path, key: &Path) -> Result<TlsAcceptor> {
    let chain = read(certificates)?;
    let chain: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
    let chain = chain.map_err(|error| none(certificates, "certificates in PEM", &error))?;
    let secret = zeroize::Zeroizing::new(read(key)?);
    let secret = PrivateKeyDer::from_pem_slice(&secret).map_err(|error| none(key, "private key in PEM", &error))?;
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|error| none(certificates, "certificate that fits the key", &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let io = |error| Error::io("reading", path, error);
    // Renewed certificates are links as a rule.
    let real = path.canonicalize().map_err(io)?;
    let bytes = read_short(&RealDisk, &real, LIMIT).map_err(io)?;
    if bytes.len() > LIMIT {
        return Err(io(std::io::Error::other("it is too long for a certificate or a key")));
    }
    Ok(bytes)
}

fn none(path: &Path, what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::io("reading", path, std::io::Error::other(format!("no {what} ({error})")))
}
