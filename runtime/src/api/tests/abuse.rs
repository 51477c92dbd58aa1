//! Hostile clients: each is refused or bounded, and everybody else is still answered.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::*;

const SWAP: &str = "/api/v1/interceptors/p/i/swap";
const ENDLESS: &str = "/api/v1/interceptors/endless/i/tap";

/// Sends until the server takes no more, or `most` bytes; how many it took, and its answer.
async fn flood(running: &Running, head: &str, chunk: &[u8], most: usize) -> (usize, Answer) {
    let stream = TcpStream::connect(running.address).await.expect("connect");
    let (read, mut write) = stream.into_split();
    let answer = tokio::spawn(Answer::read(read));
    let mut sent = 0;
    if write.write_all(head.as_bytes()).await.is_ok() {
        while sent < most && write.write_all(chunk).await.is_ok() {
            sent += chunk.len();
        }
    }
    drop(write);
    (sent, answer.await.expect("no panic"))
}

#[tokio::test]
async fn a_declared_gigabyte_is_refused_unread() {
    let running = Running::start(&Settings::default()).await;
    let head = format!("POST {SWAP} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n");
    let (sent, answer) = flood(&running, &head, &[0; 64 << 10], 1 << 30).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(sent < 64 << 20, "{sent} bytes were taken");
    assert!(running.fake.proposals.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn a_chunked_gigabyte_is_refused_at_the_cap() {
    let running = Running::start(&Settings::default()).await;
    let head = format!("POST {SWAP} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = [b"10000\r\n".as_slice(), &[0; 64 << 10], b"\r\n"].concat();
    let (sent, answer) = flood(&running, &head, &chunk, 1 << 30).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(sent < 64 << 20, "{sent} bytes were taken");
    let head = "POST /api/v1/pipelines/p/dead-letters/drop HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (sent, answer) = flood(&running, head, &chunk, 1 << 30).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(sent < 16 << 20, "{sent} bytes were taken");
}

#[tokio::test]
async fn an_upload_without_a_token_is_not_read() {
    let running = Running::start(&guarded()).await;
    let head = format!("POST {SWAP} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = [b"10000\r\n".as_slice(), &[0; 64 << 10], b"\r\n"].concat();
    let (sent, answer) = flood(&running, &head, &chunk, 1 << 30).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(sent < 64 << 20, "{sent} bytes were taken");
}

#[tokio::test]
async fn more_uploads_than_there_are_turns_for_are_told_to_wait() {
    let running = Running::start(&Settings::default()).await;
    let mut uploads = Vec::new();
    for _ in 0..UPLOADS {
        let mut upload = TcpStream::connect(running.address).await.expect("connect");
        let head = format!("POST {SWAP} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n");
        upload.write_all(head.as_bytes()).await.expect("ask");
        let mut go_on = [0; 25];
        upload.read_exact(&mut go_on).await.expect("its turn");
        assert!(go_on.starts_with(b"HTTP/1.1 100 Continue"));
        uploads.push(upload);
    }
    let ask = Ask::post(SWAP).body("application/wasm", *b"x");
    assert_eq!(running.ask(ask.clone()).await.status, 429);
    assert_eq!(running.get("/api/v1/status").await.status, 200, "only uploads wait");
    drop(uploads);
    let mut status = 429;
    while status == 429 {
        status = running.ask(ask.clone()).await.status;
    }
    assert_eq!(status, 200);
}

#[tokio::test]
async fn connections_that_say_nothing_or_dribble_keep_nobody_out() {
    let running = Running::start(&Settings::default()).await;
    let mut idle = Vec::new();
    for index in 0..600 {
        let mut stream = TcpStream::connect(running.address).await.expect("connect");
        if index % 2 == 0 {
            let _ = stream.write_all(b"GET /livez HTTP/1.1\r\nHost: local").await;
        }
        idle.push(stream);
        if index % 100 == 99 {
            assert_eq!(running.get("/livez").await.status, 200, "after {index}");
        }
    }
    let metrics = running.get("/metrics").await.body;
    assert!(metrics.contains("weir_http_refused_connections_total{server=\"admin\",reason=\"displaced\"}"), "{metrics}");
}

#[tokio::test]
async fn of_a_thousand_taps_sixteen_are_served_and_others_are_answered() {
    let running = Running::start(&Settings::default()).await;
    let mut taps = Vec::new();
    for _ in 0..1_000 {
        let address = running.address;
        taps.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("connect");
            let _ = stream.write_all(&Ask::get(ENDLESS).bytes()).await;
            let mut status = [0; 12];
            match stream.read_exact(&mut status).await {
                Ok(_) => (String::from_utf8_lossy(&status[9..]).into_owned(), Some(stream)),
                // No place for it, and none to say so.
                Err(_) => (String::new(), None),
            }
        }));
    }
    let mut open = Vec::new();
    let mut refused = 0;
    for tap in taps {
        let (status, stream) = tap.await.expect("no panic");
        match status.as_str() {
            "200" => open.push(stream),
            "429" | "503" | "" => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((open.len(), refused), (STREAMS, 1_000 - STREAMS));
    assert_eq!(running.fake.listening.load(Ordering::SeqCst), STREAMS);
    assert_eq!(running.get("/api/v1/status").await.status, 200);
    assert_eq!(running.get("/livez").await.status, 200);
    drop(open);
    while running.fake.listening.load(Ordering::SeqCst) > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(running.get("/api/v1/interceptors/p/i/tap").await.status, 200, "their places are free again");
}

#[tokio::test]
async fn a_bomb_of_headers_is_refused() {
    let running = Running::start(&Settings::default()).await;
    let (sent, answer) = flood(&running, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Bomb: ", &[b'x'; 4096], 1 << 30).await;
    assert_eq!(answer.status, 431, "{answer:?}");
    assert!(sent < 16 << 20, "{sent} bytes were taken");
    let many: String = (0..1_000).map(|index| format!("x-{index}: 1\r\n")).collect();
    let (_, answer) = flood(&running, "GET /livez HTTP/1.1\r\nHost: localhost\r\n", many.as_bytes(), 1 << 20).await;
    assert_eq!(answer.status, 431, "{answer:?}");
    let long = "x".repeat(20 << 10);
    let answer = running.get(&format!("/{long}")).await;
    assert!(matches!(answer.status, 414 | 431), "{answer:?}");
    assert_eq!(running.get("/livez").await.status, 200);
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let running = Running::start(&Settings::default()).await;
    for noise in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "\u{16}\u{3}\u{1}\0\u{5}hello\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let (_, answer) = flood(&running, noise, b"", 0).await;
        assert!(matches!(answer.status, 0 | 400 | 405 | 505), "{noise:?}: {answer:?}");
    }
    let smuggled = "POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n";
    let (_, answer) = flood(&running, smuggled, b"", 0).await;
    assert!(!answer.body.contains("ok\n"), "{answer:?}");
    assert_eq!(running.get("/livez").await.status, 200);
}

#[tokio::test]
async fn a_wrong_body_is_refused_with_what_is_wrong() {
    let running = Running::start(&Settings::default()).await;
    let drop = "/api/v1/pipelines/p/dead-letters/drop";
    let rollback = "/api/v1/interceptors/p/i/rollback";
    let json = |path: &str, body: &str| Ask::post(path).body("application/json", body);
    let asks = [
        (json(drop, "{"), "EOF"),
        (json(drop, r#"[["1"], true]"#), "not a JSON object"),
        (json(drop, r#"{"id":["1"]}"#), "unknown field `id`"),
        (json(drop, r#"{"ids":"1"}"#), "expected a sequence"),
        (json(drop, "{}"), "which dead letters"),
        (Ask::post(drop), "which dead letters"),
        (json(rollback, r#"{"to":5}"#), "expected a string"),
        (json("/api/v1/reload", "{}"), "no body"),
        (Ask::post(SWAP), "empty"),
        (Ask::post(&format!("{SWAP}?wait=1h")).body("application/wasm", *b"x"), "at most 60s"),
        (Ask::post(SWAP).header("Weir-Signature: not base64").body("application/wasm", *b"x"), "Weir-Signature"),
    ];
    for (ask, part) in asks {
        let answer = running.ask(ask.clone()).await;
        assert_eq!(answer.status, 400, "{ask:?}: {answer:?}");
        assert!(answer.detail().contains(part), "{part} is not in {answer:?}");
    }
    let deep = "[".repeat(60_000);
    assert_eq!(running.ask(json(drop, &deep)).await.status, 400);
    assert!(running.fake.changes.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn names_are_names_however_they_are_encoded() {
    let running = Running::start(&Settings::default()).await;
    let asks = [
        (200, "/api/v1/pipelines/i%2F1"),
        (200, "/api/v1/pipelines/..%2F..%2Fetc%2fpasswd"),
        (404, "/api/v1/pipelines/../../etc/passwd"),
        (404, "/api/v1/pipelines/.."),
        (404, "/api/v1/pipelines/p%00"),
        (404, "/api/v1/pipelines/%2e%2e"),
        (400, "/api/v1/pipelines/%ff"),
        (400, "/api/v1/pipelines/%2"),
        (404, "/api/v1/../../etc/passwd"),
        (404, "/api/v1%2fstatus"),
        (404, "/API/v1/status"),
    ];
    for (status, path) in asks {
        let answer = running.get(path).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_panic_is_an_answer_and_harms_nothing_else() {
    let running = Running::start(&Settings::default()).await;
    for path in ["/api/v1/interceptors/panic/i/history", "/api/v1/interceptors/panic/i/tap", "/api/v1/pipelines/panic/dead-letters"] {
        assert_eq!(running.get(path).await.status, 500, "{path}");
    }
    assert_eq!(running.ask(Ask::post("/api/v1/pipelines/panic/pause")).await.status, 500);
    assert_eq!(running.get("/api/v1/status").await.status, 200);
    let metrics = running.get("/metrics").await.body;
    assert!(metrics.contains("path=\"/api/v1/pipelines/{pipeline}/pause\",method=\"POST\",status=\"5xx\"} 1"), "{metrics}");
}

#[tokio::test]
async fn several_requests_go_over_one_connection() {
    let running = Running::start(&Settings::default()).await;
    let mut stream = TcpStream::connect(running.address).await.expect("connect");
    let mut one = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2);
    one.extend_from_slice(&Ask::get("/livez").bytes());
    stream.write_all(&one).await.expect("ask");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("answers");
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3, "{text}");
    let (_, old) = flood(&running, "GET /livez HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", b"", 0).await;
    assert_eq!((old.status, old.body.as_str()), (200, "ok\n"), "{old:?}");
}
