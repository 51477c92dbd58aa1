//! TLS towards an agent: whom to believe, and what to show.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::Error;

/// What is needed for a handshake.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

/// Reads the files. Only the certificates of `ca` are believed, not the system's: an agent's is rarely signed by one of those.
pub(super) fn connector(host: &str, ca: Option<&Path>, shown: Option<(&Path, &Path)>) -> Result<Tls, Error> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| Error::Option(format!("{host:?} is no name that a certificate can be for")))?;
    let Some(ca) = ca else {
        return Err(Error::Option("https needs --ca FILE: the certificates that vouch for the agent".to_owned()));
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("--ca", ca)? {
        roots.add(certificate).map_err(|error| unusable("--ca", ca, error))?;
    }
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| Error::Option(format!("TLS cannot be used: {error}")))?.with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(certificates("--cert", certificate)?, private_key(key)?)
            .map_err(|error| unusable("--cert", certificate, error))?,
    };
    Ok(Tls { connector: TlsConnector::from(Arc::new(config)), name })
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read(what, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(unusable(what, path, "it holds no certificate in PEM form")),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(what, path, error)),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(&read("--key", path)?).map_err(|error| match error {
        pem::Error::NoItemsFound => unusable("--key", path, "it holds no private key in PEM form"),
        // The others may quote what they met, which is part of a key.
        _ => unusable("--key", path, "it is no PEM file"),
    })
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { what, path: path.to_owned(), source })
}

fn unusable(what: &'static str, path: &Path, reason: impl ToString) -> Error {
    Error::File { what, path: path.to_owned(), reason: reason.to_string() }
}
