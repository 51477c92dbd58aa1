//! What happens when time passes, on a connection in memory and a clock that jumps.

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;

use super::*;

/// An API without its accept loop, and a connection to it.
fn connected() -> (Arc<Fake>, tempfile::TempDir, DuplexStream) {
    let (fake, folder) = (Arc::new(Fake::default()), tempfile::tempdir().expect("a folder"));
    let served = served(&fake, folder.path().join("audit.jsonl"));
    let api = Arc::new(Api {
        numbers: served.metrics.http("admin"),
        served,
        access: Access::new(&Settings::default()),
        hosts: Vec::new(),
        uploads: Semaphore::new(UPLOADS),
        streams: Arc::new(Semaphore::new(STREAMS)),
    });
    let (client, server) = tokio::io::duplex(1 << 20);
    let service = service_fn(move |request| {
        let api = api.clone();
        async move { Ok::<_, std::convert::Infallible>(api.answer(request, Peer::local()).await) }
    });
    tokio::spawn(async move {
        let _ = http1::Builder::new().serve_connection(TokioIo::new(server), service).await;
    });
    (fake, folder, client)
}

fn audited(folder: &tempfile::TempDir) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

async fn lines(folder: &tempfile::TempDir, count: usize) -> Vec<Value> {
    loop {
        let lines = audited(folder);
        if lines.len() >= count {
            return lines;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_past_its_deadline_is_answered_goes_on_and_is_written_down_twice() {
    let (fake, folder, client) = connected();
    let answer = Ask::post("/api/v1/pipelines/slow/pause").send(client).await;
    assert_eq!(answer.status, 504, "{answer:?}");
    assert!(answer.detail().contains("goes on"), "{answer:?}");
    fake.slow.end.notify_one();
    let lines = lines(&folder, 2).await;
    assert_eq!((&lines[0]["status"], &lines[1]["status"]), (&Value::from(504), &Value::from(200)));
    assert!(lines[1]["detail"].as_str().is_some_and(|detail| detail.starts_with("after its deadline: ")), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_hangs_up_stops_nothing_half_way() {
    let (fake, folder, mut client) = connected();
    client.write_all(&Ask::post("/api/v1/pipelines/slow/pause").bytes()).await.expect("ask");
    fake.slow.begun.notified().await;
    drop(client);
    fake.slow.end.notify_one();
    let lines = lines(&folder, 1).await;
    assert_eq!(lines[0]["status"], 200, "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stands_still_is_given_up() {
    let (fake, folder, mut client) = connected();
    let head = "POST /api/v1/interceptors/p/i/swap HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nbegun";
    client.write_all(head.as_bytes()).await.expect("ask");
    let answer = Answer::read(client).await;
    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(fake.proposals.lock().expect("no panic").is_empty());
    assert_eq!(lines(&folder, 1).await[0]["status"], 408);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_given_up() {
    let (fake, _folder, client) = connected();
    let (read, mut write) = tokio::io::split(client);
    let head = "POST /api/v1/interceptors/p/i/swap HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n";
    write.write_all(head.as_bytes()).await.expect("ask");
    let trickle = tokio::spawn(async move {
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        }
    });
    assert_eq!(Answer::read(read).await.status, 408);
    assert!(fake.proposals.lock().expect("no panic").is_empty());
    trickle.abort();
}
