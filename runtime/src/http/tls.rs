//! TLS of a listener, from files: rustls with the ring provider, TLS 1.2 and 1.3.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{NoClientAuth, VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig, ServerConnection};

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that cannot be read, or holds nothing of what it is for.
    #[error("read {what} {}", .path.display())]
    File {
        /// What it is for.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// Why not.
        #[source]
        source: pem::Error,
    },
    /// A certificate that cannot be an authority.
    #[error("use client_ca {}", .0.display())]
    Authority(PathBuf, #[source] rustls::Error),
    /// The authorities make no verifier.
    #[error("use client_ca {}", .0.display())]
    Verifier(PathBuf, #[source] VerifierBuilderError),
    /// The certificate and the key do not fit, or are of a kind that is not supported.
    #[error("use certificate {} with its key", .0.display())]
    Certificate(PathBuf, #[source] rustls::Error),
}

/// Reads the files, PEM all of them: the certificate with its chain, its key, and the authorities of client certificates.
///
/// With authorities a client may show a certificate, and one that they have not signed is refused; whether one is required is for the handler to
/// say, as probes have none.
///
/// # Errors
/// Names the file.
pub fn acceptor(certificate: &Path, key: &Path, client_ca: Option<&Path>) -> Result<TlsAcceptor, Error> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates("certificate", certificate)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|source| Error::File { what: "key", path: key.to_owned(), source })?;
    let verifier: Arc<dyn ClientCertVerifier> = match client_ca {
        None => Arc::new(NoClientAuth),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates("client_ca", path)? {
                roots.add(authority).map_err(|source| Error::Authority(path.to_owned(), source))?;
            }
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).allow_unauthenticated();
            builder.build().map_err(|source| Error::Verifier(path.to_owned(), source))?
        }
    };
    let unusable = |source| Error::Certificate(certificate.to_owned(), source);
    let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(unusable)?;
    let mut config = versions.with_client_cert_verifier(verifier).with_single_cert(chain, secret).map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// SHA-256 of the certificate that the client proved to own.
pub(super) fn fingerprint(connection: &ServerConnection) -> Option<[u8; 32]> {
    let certificate = connection.peer_certificates()?.first()?;
    Some(Sha256::digest(certificate).into())
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let failed = |source| Error::File { what, path: path.to_owned(), source };
    let read: Vec<_> = CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    if read.is_empty() {
        return Err(failed(pem::Error::NoItemsFound));
    }
    Ok(read)
}
