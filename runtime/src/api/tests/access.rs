//! Who may do what, and what is written down about it.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use crate::api::access::hex;

const PAUSE: &str = "/api/v1/pipelines/p/pause";

#[tokio::test]
async fn a_wrong_or_missing_token_and_the_wrong_role_are_refused() {
    let running = Running::start(&guarded()).await;
    let asks = [
        (401, Ask::get("/api/v1/status")),
        (401, Ask::get("/metrics")),
        (401, Ask::get("/version")),
        (401, Ask::post(PAUSE)),
        (401, Ask::post(PAUSE).token("operator-0123456788")),
        (401, Ask::post(PAUSE).token("")),
        (401, Ask::post(PAUSE).token(&format!("{OPERATOR}x"))),
        (401, Ask::post(PAUSE).token(OPERATOR).token(OPERATOR)),
        (401, Ask::post(PAUSE).header(&format!("Authorization: Basic {OPERATOR}"))),
        (401, Ask::post(&format!("{PAUSE}?token={OPERATOR}"))),
        (403, Ask::post(PAUSE).token(OBSERVER)),
        (200, Ask::get("/api/v1/status").token(OBSERVER)),
        (200, Ask::get("/metrics").token(OBSERVER)),
        (200, Ask::post(PAUSE).token(OPERATOR)),
        (200, Ask::get("/api/v1/status").header(&format!("authorization: bEaReR {OPERATOR}"))),
        (200, Ask::get("/livez")),
        (200, Ask::get("/readyz")),
    ];
    for (status, ask) in asks {
        let answer = running.ask(ask.clone()).await;
        assert_eq!(answer.status, status, "{ask:?}: {answer:?}");
        assert_eq!(answer.head.contains("www-authenticate: bearer"), status == 401, "{answer:?}");
        assert!(!answer.body.contains(OPERATOR) && !answer.body.contains(OBSERVER), "{answer:?}");
    }
    assert_eq!(running.fake.changes.lock().expect("no panic").as_slice(), [("p".to_owned(), "otto".to_owned())]);
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused_token_or_not() {
    let settings = Settings { hosts: toml::from_str::<Settings>("hosts = ['weir.example:4141']").expect("settings").hosts, ..guarded() };
    let running = Running::start(&settings).await;
    let own = format!("127.0.0.1:{}", running.address.port());
    for host in ["attacker.example", "localhost.attacker.example", "weir.example", "10.1.2.3"] {
        for ask in [Ask::get("/livez"), Ask::get("/metrics").token(OPERATOR), Ask::post(PAUSE).token(OPERATOR)] {
            assert_eq!(running.ask(ask.host(host)).await.status, 403, "{host}");
        }
    }
    for host in ["localhost", "weir.example:4141", "WEIR.example:4141", own.as_str()] {
        assert_eq!(running.ask(Ask::get("/api/v1/status").token(OBSERVER).host(host)).await.status, 200, "{host}");
    }
    let rebound = Ask::get("http://attacker.example/api/v1/status").token(OBSERVER);
    assert_eq!(running.ask(rebound).await.status, 400, "the request line names another host");
    for origin in ["https://attacker.example", "null", "http://localhost:1"] {
        let page = |ask: Ask| ask.token(OPERATOR).header(&format!("Origin: {origin}"));
        assert_eq!(running.ask(page(Ask::post(PAUSE))).await.status, 403, "{origin}");
        assert_eq!(running.ask(page(Ask::get("/api/v1/status"))).await.status, 403, "{origin}");
        assert_eq!(running.ask(page(Ask::get("/livez"))).await.status, 200, "{origin}");
    }
    let own_page = Ask::post(PAUSE).token(OPERATOR).host(&own).header(&format!("Origin: http://{own}"));
    assert_eq!(running.ask(own_page).await.status, 200);
}

#[tokio::test]
async fn on_loopback_with_nothing_set_everything_is_allowed_but_not_to_web_pages() {
    let running = Running::start(&Settings::default()).await;
    assert_eq!(running.ask(Ask::post(PAUSE)).await.status, 200);
    assert_eq!(running.ask(Ask::post(PAUSE).header("Origin: https://attacker.example")).await.status, 403);
    let form = Ask::post("/api/v1/pipelines/p/dead-letters/drop").body("application/x-www-form-urlencoded", *b"{\"all\":true}");
    assert_eq!(running.ask(form).await.status, 415);
    assert_eq!(running.fake.changes.lock().expect("no panic").as_slice(), [("p".to_owned(), "local".to_owned())]);
}

#[tokio::test]
async fn every_change_and_every_refused_one_is_in_the_audit_log_without_a_secret() {
    let running = Running::start(&guarded()).await;
    let rollback = "/api/v1/interceptors/p/i/rollback";
    let asks = [
        Ask::post(PAUSE).token("hunter2hunter2hunter2"),
        Ask::post(PAUSE).token(OBSERVER),
        Ask::post("/api/v1/pipelines/conflict/pause").token(OPERATOR),
        Ask::post("/api/v1/interceptors/p/i/swap?why=hunter2").token(OPERATOR).body("application/wasm", *b"hunter2"),
        Ask::post(rollback).token(OPERATOR).body("application/json", *br#"{"to":"abcd","why":"hunter2"}"#),
        Ask::post(rollback).token(OPERATOR).body("application/json", *br#"{"hunter2":1}"#),
        Ask::post("/api/v1/pipelines/panic/pause").token(OPERATOR),
        Ask::post(PAUSE).host("attacker.example").token(OPERATOR),
    ];
    for ask in asks {
        running.ask(ask).await;
    }
    for ask in [Ask::get("/api/v1/status").token(OPERATOR), Ask::get("/api/v1/status"), Ask::get(PAUSE).token(OPERATOR)] {
        running.ask(ask).await;
    }
    let lines = running.audit();
    let seen: Vec<(Option<&str>, u64)> = lines.iter().map(|line| (line["caller"].as_str(), line["status"].as_u64().unwrap_or(0))).collect();
    let otto = |status| (Some("otto"), status);
    assert_eq!(seen, [(None, 401), (None, 403), otto(409), otto(200), otto(200), otto(400), otto(500), (None, 403)]);
    let text = Value::from(lines.clone()).to_string();
    for secret in ["hunter2", OPERATOR, OBSERVER] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(lines[3]["digest"], hex(&Sha256::digest(b"hunter2")).as_str());
    assert_eq!(lines[3]["path"], "/api/v1/interceptors/p/i/swap");
    assert_eq!(lines[4]["digest"], "abcd");
    assert!(lines.iter().all(|line| line["remote"].as_str().is_some_and(|remote| remote.starts_with("127.0.0.1:"))), "{text}");
    assert!(lines.iter().all(|line| line["time"].is_u64() && line["millis"].is_u64() && line["method"] == "POST"), "{text}");
}

#[tokio::test]
async fn a_flood_of_refusals_is_no_flood_of_lines() {
    let running = Running::start(&guarded()).await;
    for _ in 0..60 {
        assert_eq!(running.ask(Ask::post(PAUSE)).await.status, 401);
    }
    assert_eq!(running.ask(Ask::post(PAUSE).token(OPERATOR)).await.status, 200);
    let lines = running.audit();
    let skipped: u64 = lines.iter().filter_map(|line| line["skipped"].as_u64()).sum();
    assert!(skipped > 0, "nothing was skipped of {}", lines.len());
    assert_eq!(u64::try_from(lines.len()).expect("few") + skipped, 61, "none is forgotten");
    assert_eq!(lines.last().expect("a line")["status"], 200);
}
