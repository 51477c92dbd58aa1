//! Everything a stranger can do to the API of an agent that is busy: refused or bounded, while events go on as before.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{PATIENCE, PIPELINE, Scene, Setup, TARGET};
use crate::harness::api::{self, Answer, Api};
use crate::harness::load::{Feed, Supply};
use crate::harness::topics::Topic;
use crate::harness::versions::Version;
use crate::harness::{turn, wait};

const OBSERVE: &str = "the-token-of-an-observer";
const OPERATE: &str = "the-token-of-an-operator";
const SETTINGS: &str = r#"[agent.api]
tokens = [{ name = "ops", role = "operate", token = "the-token-of-an-operator" }, { name = "dash", role = "observe", token = "the-token-of-an-observer" }]
"#;
/// Resident memory the agent may reach, whatever is thrown at its API.
const MEMORY: u64 = 600 << 20;
const TAPS: usize = 1_000;
/// Streams the agent serves at once.
const STREAMS: usize = 16;
const GIGABYTE: u64 = 1 << 30;

#[test]
fn an_agent_under_load_does_not_notice_what_strangers_do_to_its_api() {
    let _turn = turn::alone();
    let first = Version::good(1);
    let scene = Scene::new("strangers", &first, Setup { settings: SETTINGS, ..Setup::default() });
    let agent = scene.site.start();
    let supply = Supply::Ahead { group: scene.group.clone(), events: 20_000 };
    let feed = Feed::start(&scene.input, &scene.transactions, supply);
    scene.flows(5_000);
    let quiet = rate(&scene.output, || sleep(Duration::from_secs(5)));

    let stranger = agent.api();
    let (observer, operator) = (stranger.with_token(OBSERVE), stranger.with_token(OPERATE));
    let attacked = rate(&scene.output, || {
        wrong_tokens(&stranger, &observer);
        foreign_hosts(&operator);
        large_uploads(&operator);
        slow_requests(&operator);
        many_taps(&observer);
    });
    println!("strangers: {quiet:.0} events a second before, {attacked:.0} meanwhile, ratio {:.2}", attacked / quiet);

    // Nothing of it changed anything, and who may still can.
    wait::until("the API answers again", PATIENCE, || operator.get("/api/v1/status").is_ok_and(|answer| answer.status == 200));
    assert_eq!(operator.history(TARGET).versions.len(), 1);
    super::swapped(&operator, &Version::good(2));
    let peak = agent.usage().peak;
    let events = feed.stop();
    let log = agent.log();
    let (checker, letters) = scene.finish(agent, events);
    println!("strangers: {}; {} MiB at most", checker.report(), peak >> 20);
    checker.report().assert_exact();
    assert!(letters.is_empty(), "{:?}", letters.first());
    assert!(peak < MEMORY, "{} MiB", peak >> 20);
    assert!(!log.contains(OBSERVE) && !log.contains(OPERATE), "a token is in the log");
}

/// Events a second that arrive while something is done.
fn rate(output: &Topic, during: impl FnOnce()) -> f64 {
    let (before, begun) = (output.len(), Instant::now());
    during();
    (output.len() - before) as f64 / begun.elapsed().as_secs_f64()
}

fn wrong_tokens(stranger: &Api, observer: &Api) {
    let guessing = stranger.with_token("the-token-of-a-stranger");
    for _ in 0..200 {
        assert_eq!(guessing.get("/api/v1/status").unwrap().status, 401);
    }
    assert_eq!(stranger.get("/api/v1/status").unwrap().status, 401);
    assert_eq!(stranger.get("/metrics").unwrap().status, 401);
    assert_eq!(stranger.get("/livez").unwrap().status, 200);
    assert_eq!(observer.get("/api/v1/status").unwrap().status, 200);
    let pause = format!("/api/v1/pipelines/{PIPELINE}/pause");
    assert_eq!(stranger.post(&pause, "", &[], b"").unwrap().status, 401);
    assert_eq!(observer.post(&pause, "", &[], b"").unwrap().status, 403);
    assert_eq!(observer.post(&format!("/api/v1/interceptors/{TARGET}/swap"), "application/wasm", &[], b"x").unwrap().status, 403);
}

/// What a page on another host can have a browser send.
fn foreign_hosts(operator: &Api) {
    let request = |host: &str, origin: &str| {
        format!("GET /api/v1/status HTTP/1.0\r\nHost: {host}\r\n{origin}Authorization: Bearer {OPERATE}\r\n\r\n")
    };
    let own = operator.address().to_string();
    let status = |text: String| raw(operator, text.as_bytes()).map(|answer| answer.status);
    assert_eq!(status(request(&own, "")), Some(200));
    for host in ["evil.example", "evil.example:4141", "127.0.0.1.evil.example", ""] {
        let answered = status(request(host, ""));
        assert!(answered.is_some_and(|status| (400..500).contains(&status)), "Host {host:?}: {answered:?}");
    }
    assert_eq!(status(request(&own, "Origin: http://evil.example\r\n")), Some(403));
}

fn large_uploads(operator: &Api) {
    let path = format!("/api/v1/interceptors/{TARGET}/swap");
    let head = |length: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {OPERATE}\r\nContent-Type: application/wasm\r\n{length}\r\n",
            operator.address()
        )
    };
    // Declared: refused before a byte of it is sent.
    let declared = raw(operator, head(&format!("Content-Length: {GIGABYTE}\r\n")).as_bytes());
    assert_eq!(declared.map(|answer| answer.status), Some(413));
    // Not declared: refused before all of it is read.
    let mut stream = connect(operator);
    stream.write_all(head("Transfer-Encoding: chunked\r\n").as_bytes()).unwrap();
    let piece = vec![0_u8; 1 << 20];
    let mut sent = 0;
    while sent < GIGABYTE {
        let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
        if stream.write_all(&chunk).is_err() {
            break;
        }
        sent += piece.len() as u64;
    }
    println!("strangers: of an upload of a gigabyte {} MiB were taken from the wire", sent >> 20);
    assert!(sent < GIGABYTE / 4, "{sent} bytes");
}

/// Heads that come a byte at a time, and connections that say nothing.
fn slow_requests(operator: &Api) {
    let mut dribbling: Vec<TcpStream> = (0..100).map(|_| connect(operator)).collect();
    let silent: Vec<TcpStream> = (0..50).map(|_| connect(operator)).collect();
    for byte in b"GET /api/v1/status HTTP/1.1\r\nX-Slow: ........" {
        for stream in &mut dribbling {
            // Whoever was thrown out is out.
            let _ = stream.write_all(&[*byte]);
        }
        sleep(Duration::from_millis(100));
    }
    assert_eq!(operator.get("/api/v1/status").unwrap().status, 200, "others are answered meanwhile");
    let mut out = 0;
    let begun = Instant::now();
    for mut stream in dribbling {
        stream.set_read_timeout(Some(Duration::from_secs(30).saturating_sub(begun.elapsed()).max(Duration::from_millis(10)))).unwrap();
        let ended = stream.read_to_end(&mut Vec::new());
        out += u32::from(!ended.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)));
    }
    drop(silent);
    assert_eq!(out, 100, "a head that does not end is not waited for");
}

/// Some are served, the others are told, and nobody else has to wait.
fn many_taps(observer: &Api) {
    let (mut served, mut told, mut closed) = (0, 0, 0);
    let mut open = Vec::new();
    for _ in 0..TAPS {
        let Ok(mut stream) = TcpStream::connect(observer.address()) else {
            closed += 1;
            continue;
        };
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let head = format!(
            "GET /api/v1/interceptors/{TARGET}/tap?rate=10000 HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {OBSERVE}\r\n\r\n",
            observer.address()
        );
        let mut status = [0_u8; 12];
        match stream.write_all(head.as_bytes()).and_then(|()| stream.read_exact(&mut status)) {
            Ok(()) if status.ends_with(b"200") => served += 1,
            Ok(()) => told += 1,
            Err(_) => closed += 1,
        }
        // None of them reads on.
        open.push(stream);
    }
    println!("strangers: of {TAPS} taps {served} were served, {told} refused, {closed} closed");
    assert!(served > 0 && served <= STREAMS, "{served}");
    assert_eq!(served + told + closed, TAPS);
    drop(open);
    wait::until("the API answers again", PATIENCE, || observer.get("/api/v1/status").is_ok_and(|answer| answer.status == 200));
}

fn connect(api: &Api) -> TcpStream {
    let stream = TcpStream::connect(api.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Sends these bytes and reads one answer; `None` where there was none.
fn raw(api: &Api, request: &[u8]) -> Option<Answer> {
    let mut stream = connect(api);
    stream.write_all(request).ok()?;
    api::answer(stream).ok()
}
