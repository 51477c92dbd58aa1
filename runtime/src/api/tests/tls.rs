//! TLS and client certificates.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::api::access::hex;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    pem: String,
}

fn signed(authority: &Authority, purpose: ExtendedKeyUsagePurpose) -> Identity {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    params.extended_key_usages = vec![purpose];
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    Identity { certificate: certificate.der().clone(), pem: certificate.pem(), key }
}

fn write(folder: &Path, server: &Identity, client_ca: &Authority) {
    std::fs::write(folder.join("server.pem"), &server.pem).expect("written");
    std::fs::write(folder.join("server.key"), server.key.serialize_pem()).expect("written");
    std::fs::write(folder.join("ca.pem"), client_ca.pem()).expect("written");
}

fn settings(folder: &Path, tls: &str) -> Settings {
    let mut settings: Settings =
        toml::from_str(&format!("tls = {{ certificate = 'server.pem', key = 'server.key' {tls} }}")).expect("settings");
    settings.resolve_files(folder);
    settings
}

/// Asks by TLS; `None` where no connection comes about or it breaks off.
async fn ask(running: &Running, roots: &Authority, client: Option<&Identity>, ask: Ask) -> Option<Answer> {
    let mut store = RootCertStore::empty();
    store.add(roots.der().clone()).expect("an authority");
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_root_certificates(store);
    let config = match client {
        None => config.with_no_client_auth(),
        Some(client) => {
            let key = PrivateKeyDer::try_from(client.key.serialize_der()).expect("a key");
            config.with_client_auth_cert(vec![client.certificate.clone()], key).expect("an identity")
        }
    };
    let stream = TcpStream::connect(running.address).await.expect("connect");
    let name = ServerName::try_from("localhost").expect("a name");
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    // In TLS 1.3 the client learns only now that its certificate was refused.
    stream.write_all(&ask.bytes()).await.ok()?;
    Some(Answer::read(stream).await).filter(|answer| answer.status > 0)
}

#[tokio::test]
async fn client_certificates_are_required_named_and_given_their_role() {
    let (authority, stranger, folder) = (authority(), authority(), tempfile::tempdir().expect("a folder"));
    let server = signed(&authority, ExtendedKeyUsagePurpose::ServerAuth);
    write(folder.path(), &server, &authority);
    let client = || signed(&authority, ExtendedKeyUsagePurpose::ClientAuth);
    let (operator, other, foreign) = (client(), client(), signed(&stranger, ExtendedKeyUsagePurpose::ClientAuth));
    let fingerprint = hex(&Sha256::digest(&operator.certificate));
    let clients = format!(", client_ca = 'ca.pem', clients = [{{ name = 'deployer', role = 'operate', sha256 = '{fingerprint}' }}]");
    let running = Running::start(&settings(folder.path(), &clients)).await;
    let pause = || Ask::post("/api/v1/pipelines/p/pause");
    let status = async |client: Option<&Identity>, one: Ask| ask(&running, &authority, client, one).await.map(|answer| answer.status);

    assert_eq!(status(Some(&operator), pause()).await, Some(200));
    assert_eq!(status(Some(&other), Ask::get("/api/v1/status")).await, Some(200), "any valid certificate may observe");
    assert_eq!(status(Some(&other), pause()).await, Some(403));
    assert_eq!(status(Some(&foreign), Ask::get("/livez")).await, None, "of another authority");
    assert_eq!(status(None, Ask::get("/api/v1/status")).await, Some(401));
    assert_eq!(status(None, pause()).await, Some(401));
    assert_eq!(status(None, Ask::get("/livez")).await, Some(200), "probes have no certificate");
    assert_eq!(status(Some(&operator), Ask::get("/metrics").host("attacker.example")).await, Some(403));
    assert_eq!(running.get("/livez").await.status, 0, "plain HTTP is not spoken here");

    let callers: Vec<String> = running.audit().iter().filter_map(|line| line["caller"].as_str().map(str::to_owned)).collect();
    assert_eq!(callers, ["deployer"]);
    let refused = ask(&running, &authority, Some(&other), pause()).await.expect("an answer").detail();
    let name = format!("certificate {}", &hex(&Sha256::digest(&other.certificate))[..12]);
    assert!(refused.starts_with(&name), "{refused}");
    let metrics = ask(&running, &authority, Some(&other), Ask::get("/metrics")).await.expect("an answer").body;
    assert!(metrics.contains("weir_http_refused_connections_total{server=\"admin\",reason=\"tls\"}"), "{metrics}");
}

#[tokio::test]
async fn tls_without_client_certificates_goes_with_tokens() {
    let (authority, folder) = (authority(), tempfile::tempdir().expect("a folder"));
    write(folder.path(), &signed(&authority, ExtendedKeyUsagePurpose::ServerAuth), &authority);
    let running = Running::start(&Settings { tokens: guarded().tokens, ..settings(folder.path(), "") }).await;
    assert_eq!(ask(&running, &authority, None, Ask::get("/api/v1/status")).await.map(|answer| answer.status), Some(401));
    assert_eq!(ask(&running, &authority, None, Ask::get("/api/v1/status").token(OBSERVER)).await.map(|answer| answer.status), Some(200));
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named() {
    let (authority, folder) = (authority(), tempfile::tempdir().expect("a folder"));
    write(folder.path(), &signed(&authority, ExtendedKeyUsagePurpose::ServerAuth), &authority);
    let refusal = async |settings: &Settings| {
        let bound = Bound::bind(Some(SocketAddr::from(([127, 0, 0, 1], 0))), settings).await;
        crate::error_chain(&bound.err().expect("refused"))
    };
    let mut wrong = settings(folder.path(), ", client_ca = 'missing.pem'");
    assert!(refusal(&wrong).await.contains("missing.pem"), "{}", refusal(&wrong).await);
    std::fs::write(folder.path().join("missing.pem"), "not PEM").expect("written");
    assert!(refusal(&wrong).await.contains("missing.pem"), "{}", refusal(&wrong).await);
    std::fs::write(folder.path().join("server.key"), KeyPair::generate().expect("a key").serialize_pem()).expect("written");
    wrong = settings(folder.path(), "");
    let said = refusal(&wrong).await;
    assert!(said.contains("use certificate") && said.contains("server.pem"), "{said}");
}
