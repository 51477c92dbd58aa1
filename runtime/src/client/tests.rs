//! The client against a server that says what a test has it say, byte for byte.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

use super::*;
use crate::control::letters::{LetterChoice, LetterQuery};
use crate::control::logs::{LogItem, LogQuery};
use crate::control::swap::{Proposal, RollbackRequest};
use crate::control::tap::{TapItem, TapRequest};

const EMPTY_STATUS: &str = r#"{"version":"9.9.9","started":1,"now":2,"draining":false,"pipelines":[],"new_field":true}"#;

/// Options that say no more than where.
pub(crate) fn connect(api: String) -> Connect {
    Connect { api, token_file: None, ca: None, cert: None, key: None, timeout: Duration::from_secs(60) }
}

/// Serves one connection: reads a request whole, writes the pieces, one packet each, closes. Resolves to the request.
async fn server(pieces: Vec<Vec<u8>>) -> (Client, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = connect(format!("http://{}", listener.local_addr().unwrap())).client().unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        for piece in pieces {
            // A client that has had enough hangs up.
            if stream.write_all(&piece).await.is_err() {
                break;
            }
            stream.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        request
    });
    (client, served)
}

/// Serves one connection after another, each with one of these documents; resolves to the requests.
pub(crate) async fn scripted(documents: &[&str]) -> (Client, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = connect(listener.local_addr().unwrap().to_string()).client().unwrap();
    let answers: Vec<Vec<u8>> = documents.iter().flat_map(|document| answer("200 OK", "application/json", document)).collect();
    let served = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            requests.push(read_request(&mut stream).await);
            stream.write_all(&answer).await.unwrap();
        }
        requests
    });
    (client, served)
}

async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "the request ends early: {text}");
        bytes.extend_from_slice(&piece[..read]);
    }
}

fn answer(status: &str, kind: &str, body: &str) -> Vec<Vec<u8>> {
    vec![format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()]
}

#[tokio::test]
async fn a_good_answer_is_understood_and_kept_as_it_came() {
    let (client, request) = server(answer("200 OK", "application/json; charset=utf-8", EMPTY_STATUS)).await;
    let status = client.status().await.unwrap();
    assert_eq!((status.value.version.as_str(), status.json.as_str()), ("9.9.9", EMPTY_STATUS));
    let request = request.await.unwrap();
    assert!(request.starts_with("GET /api/v1/status HTTP/1.1\r\nhost: 127.0.0.1:"), "{request}");
    assert!(!request.contains("authorization"), "{request}");
}

#[tokio::test]
async fn a_problem_is_told_in_the_agents_words() {
    let body = r#"{"type":"about:blank","title":"Unprocessable","status":422,"detail":"it was not admitted","problems":["import a:b/c is not granted"]}"#;
    let (client, _request) = server(answer("422 Unprocessable Content", "application/problem+json", body)).await;
    let Err(Error::Refused(problem)) = client.reload().await else { panic!("refused") };
    assert_eq!((problem.status, problem.text()), (422, "it was not admitted"));
    assert_eq!((problem.problems.as_slice(), problem.json.as_str()), (["import a:b/c is not granted".to_owned()].as_slice(), body));
}

#[tokio::test]
async fn something_that_is_not_weir_is_told_apart_and_cannot_steer_the_terminal() {
    for (status, kind, body) in [
        ("200 OK", "text/html", "<html>\u{1b}[31m"),
        ("502 Bad Gateway", "text/html", "<html>\u{1b}[31m"),
        ("200 OK", "application/json", "[1]"),
        ("302 Found", "application/json", "{}"),
        ("500 Internal Server Error", "application/problem+json", "no json"),
    ] {
        let (client, _request) = server(answer(status, kind, body)).await;
        let error = client.status().await.unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }), "{status} {kind}: {error:?}");
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up_at_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limit = Duration::from_millis(50);
    let client = Connect { timeout: limit, ..connect(listener.local_addr().unwrap().to_string()) }.client().unwrap();
    assert!(matches!(client.status().await, Err(Error::TimedOut { limit: said, .. }) if said == limit));
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_is_given_up_at_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Connect { timeout: Duration::from_millis(200), ..connect(listener.local_addr().unwrap().to_string()) }.client().unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"version\"").await.unwrap();
        stream
    });
    assert!(matches!(client.status().await, Err(Error::TimedOut { .. })));
    served.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_no_answer() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    for cut in [
        format!("{head}content-length: 100\r\n\r\n{{}}"),
        format!("{head}transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n"),
        head.to_owned(),
        String::new(),
    ] {
        let (client, _request) = server(vec![cut.clone().into_bytes()]).await;
        let error = client.status().await.unwrap_err();
        assert!(matches!(error, Error::CutOff { .. }), "{cut:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_huge_answer_is_refused_announced_or_not() {
    let announced = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    let (client, _request) = server(vec![announced]).await;
    assert!(matches!(client.status().await, Err(Error::TooLarge { .. })));
    for status in ["200 OK", "500 Internal Server Error"] {
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes();
        let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
        let pieces = std::iter::once(head).chain(std::iter::repeat_n(chunk, 80)).collect();
        let (client, _request) = server(pieces).await;
        assert!(matches!(client.status().await, Err(Error::TooLarge { .. })), "{status}");
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = connect(listener.local_addr().unwrap().to_string()).client().unwrap();
    drop(listener);
    assert!(matches!(client.status().await, Err(Error::Unreachable { .. })));
}

fn events(rest: &[&str]) -> Vec<Vec<u8>> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let chunks = rest.iter().map(|text| format!("{:x}\r\n{text}\r\n", text.len()));
    std::iter::once(head).chain(chunks).map(String::into_bytes).collect()
}

#[tokio::test]
async fn events_come_one_by_one_also_split_over_packets_and_end_in_order() {
    let mut pieces =
        events(&[": alive\n\n", "data: {\"type\":\"drop", "ped\",\"lines\":3}\n", "\ndata: {\"type\":\"dropped\",\"lines\":4}\n\n"]);
    pieces.push(b"0\r\n\r\n".to_vec());
    let (client, request) = server(pieces).await;
    let mut stream = client.logs(&LogQuery { follow: true, level: Some("warn".into()), ..LogQuery::default() }).await.unwrap();
    let mut lines = Vec::new();
    while let Some(item) = stream.next().await.unwrap() {
        lines.push(item);
    }
    assert_eq!(lines.iter().map(|item| item.value.clone()).collect::<Vec<_>>(), [3, 4].map(|lines| LogItem::Dropped { lines }));
    assert_eq!(lines[0].json, r#"{"type":"dropped","lines":3}"#);
    assert!(request.await.unwrap().starts_with("GET /api/v1/logs?level=warn&follow=true HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_so_after_what_came() {
    let (client, _request) = server(events(&["data: {\"type\":\"dropped\",\"events\":1}\n\n"])).await;
    let mut stream = client.tap(&"flume1/int-1".parse().unwrap(), &TapRequest::default()).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().value, TapItem::Dropped { events: 1 });
    assert!(matches!(stream.next().await, Err(Error::BrokenOff { .. })));
}

#[tokio::test]
async fn a_stream_without_a_sign_of_life_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Connect { timeout: Duration::from_millis(200), ..connect(listener.local_addr().unwrap().to_string()) }.client().unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(&events(&[": alive\n\n"]).concat()).await.unwrap();
        stream
    });
    let mut stream = client.logs(&LogQuery { follow: true, ..LogQuery::default() }).await.unwrap();
    assert!(matches!(stream.next().await, Err(Error::Silent { .. })));
    served.await.unwrap();
}

#[tokio::test]
async fn a_stream_of_something_else_is_refused() {
    let (client, _request) = server(answer("200 OK", "application/json", "{}")).await;
    let error = client.logs(&LogQuery::default()).await.unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
    let (client, _request) = server(events(&["data: {\"type\":\"news\"}\n\n"])).await;
    let mut stream = client.logs(&LogQuery::default()).await.unwrap();
    assert!(matches!(stream.next().await, Err(Error::Foreign { .. })));
}

#[tokio::test]
async fn a_swap_is_asked_for_with_all_that_was_said() {
    let (client, request) = server(answer("409 Conflict", "application/problem+json", r#"{"detail":"another swap"}"#)).await;
    let proposal = Proposal {
        name: "score me.wasm".into(),
        component: b"\0asm".to_vec(),
        signature: Some("trusted\n".into()),
        expected: Some("9f2c".into()),
        why: "50 % & more".into(),
        wait: Some(Duration::from_millis(90_500)),
        trial: false,
    };
    assert!(client.swap(&"flume 1/r1/int-1".parse().unwrap(), proposal).await.is_err());
    let request = request.await.unwrap();
    let line = "POST /api/v1/interceptors/flume%201/int-1/swap?source=r1&name=score%20me.wasm&expected=9f2c&why=50%20%25%20%26%20more&wait=1m30s500ms&trial=false HTTP/1.1";
    assert!(request.starts_with(line), "{request}");
    for wanted in ["content-type: application/wasm\r\n", "weir-signature: dHJ1c3RlZAo=\r\n", "content-length: 4\r\n", "\r\n\r\n\0asm"] {
        assert!(request.contains(wanted), "{wanted:?} is not in {request}");
    }
}

#[tokio::test]
async fn an_upload_that_is_refused_before_its_end_is_told_why() {
    for _ in 0..20 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = connect(listener.local_addr().unwrap().to_string()).client().unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            assert!(stream.read(&mut head).await.unwrap() > 0);
            stream.write_all(&answer("413 Content Too Large", "application/problem+json", r#"{"detail":"too large"}"#)[0]).await.unwrap();
            // With most of the upload unread, this resets the connection.
            drop(stream);
        });
        let proposal = Proposal { component: vec![0; 16 << 20], ..Proposal::default() };
        let error = client.swap(&"a/b".parse().unwrap(), proposal).await.unwrap_err();
        assert!(matches!(&error, Error::Refused(problem) if problem.status == 413), "{error:?}");
        served.await.unwrap();
    }
}

#[tokio::test]
async fn letters_are_asked_for_and_chosen_by_what_the_caller_said() {
    let (client, request) = server(answer("200 OK", "application/json", r#"{"place":"p","letters":[],"next":null,"unreadable":0}"#)).await;
    let query = LetterQuery { ids: vec!["0:1".into(), "0:2".into()], reason: Some("a b".into()), limit: Some(5), ..LetterQuery::default() };
    client.letters("flume1", &query).await.unwrap();
    let request = request.await.unwrap();
    assert!(request.starts_with("GET /api/v1/pipelines/flume1/dead-letters?limit=5&reason=a%20b&id=0%3A1&id=0%3A2 HTTP/1.1"), "{request}");

    let (client, request) = server(answer("200 OK", "application/json", r#"{"dropped":1,"missing":[]}"#)).await;
    let choice = LetterChoice { ids: vec!["0:1".into()], ..LetterChoice::default() };
    assert_eq!(client.drop_letters("flume1", &choice).await.unwrap().value.dropped, 1);
    let request = request.await.unwrap();
    assert!(request.contains(r#"{"ids":["0:1"],"all":false"#), "{request}");

    let (client, request) = server(answer("409 Conflict", "application/problem+json", "{}")).await;
    assert!(client.rollback(&"a/b".parse().unwrap(), &RollbackRequest::default()).await.is_err());
    assert!(request.await.unwrap().starts_with("POST /api/v1/interceptors/a/b/rollback HTTP/1.1"));
}

#[tokio::test]
async fn a_token_is_sent_and_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let token_file = directory.path().join("token");
    std::fs::write(&token_file, "hunter2-hunter2-hunter2\n").unwrap();
    let (plain, request) = server(answer("401 Unauthorized", "application/problem+json", r#"{"detail":"who are you?"}"#)).await;
    let client = Connect { token_file: Some(token_file), ..connect(plain.address().to_string()) }.client().unwrap();
    let error = client.status().await.unwrap_err();
    assert!(!format!("{client:?} {error:?}").contains("hunter2"));
    assert!(request.await.unwrap().contains("authorization: Bearer hunter2-hunter2-hunter2\r\n"));
}

/// Certificates in files: an authority, a server's and a client's.
struct Certificates {
    directory: tempfile::TempDir,
    server: Arc<ServerConfig>,
}

impl Certificates {
    fn make() -> Certificates {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| std::fs::write(directory.path().join(name), text).unwrap();
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca = rcgen::CertifiedIssuer::self_signed(ca, ca_key).unwrap();
        write("ca.pem", ca.pem());
        let issued = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            (rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &ca).unwrap(), key)
        };
        let (client, client_key) = issued("me");
        write("client.pem", client.pem());
        write("client.key", client_key.serialize_pem());
        let (certificate, key) = issued("127.0.0.1");
        let mut roots = tokio_rustls::rustls::RootCertStore::empty();
        roots.add(ca.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = config.with_client_cert_verifier(verifier).with_single_cert(vec![certificate.der().clone()], key).unwrap();
        Certificates { directory, server: Arc::new(config) }
    }

    fn path(&self, name: &str) -> Option<std::path::PathBuf> {
        Some(self.directory.path().join(name))
    }
}

/// One request over TLS, answered with a status, or the handshake's error.
async fn serve_tls(listener: TcpListener, config: Arc<ServerConfig>) -> io::Result<()> {
    let (stream, _): (TcpStream, _) = listener.accept().await?;
    let mut stream = TlsAcceptor::from(config).accept(stream).await?;
    read_request(&mut stream).await;
    stream.write_all(&answer("200 OK", "application/json", EMPTY_STATUS)[0]).await?;
    stream.shutdown().await
}

#[tokio::test]
async fn https_with_certificates_on_both_sides() {
    let certificates = Certificates::make();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("https://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(serve_tls(listener, certificates.server.clone()));
    let (ca, cert, key) = (certificates.path("ca.pem"), certificates.path("client.pem"), certificates.path("client.key"));
    let client = Connect { ca, cert, key, ..connect(api) }.client().unwrap();
    assert_eq!(client.status().await.unwrap().value.version, "9.9.9");
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stranger_behind_https_is_not_spoken_to() {
    let (ours, theirs) = (Certificates::make(), Certificates::make());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("https://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(serve_tls(listener, theirs.server.clone()));
    let client = Connect { ca: ours.path("ca.pem"), ..connect(api) }.client().unwrap();
    let error = client.status().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(served.await.unwrap().is_err());
}

#[test]
fn options_and_files_that_do_not_fit_are_named() {
    let certificates = Certificates::make();
    let https = || connect("https://127.0.0.1:1".into());
    let told = |connect: Connect| crate::error_chain(&connect.client().unwrap_err());
    assert!(told(https()).contains("--ca FILE"));
    assert!(told(Connect { ca: certificates.path("ca.pem"), ..connect("http://127.0.0.1:1".into()) }).contains("for https"));
    assert!(told(Connect { ca: certificates.path("none.pem"), ..https() }).contains("none.pem"));
    assert!(told(Connect { ca: certificates.path("client.key"), ..https() }).contains("no certificate"));
    let (ca, cert) = (certificates.path("ca.pem"), certificates.path("client.pem"));
    assert!(told(Connect { ca: ca.clone(), cert: cert.clone(), key: cert, ..https() }).contains("no private key"));
    assert!(told(Connect { ca: ca.clone(), cert: ca, key: certificates.path("client.key"), ..https() }).contains("--cert"));
}
