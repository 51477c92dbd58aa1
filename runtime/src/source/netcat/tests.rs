//! Real connections on the loopback interface; what is answered, and when.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

async fn source(change: impl FnOnce(&mut Spec)) -> Netcat {
    let mut spec =
        Spec { bind: "127.0.0.1".to_owned(), port: 0, max_line_length: 16, ack_every_event: true, encoding: Encoding::default() };
    change(&mut spec);
    Netcat::bind("s", &spec).await.expect("bound")
}

async fn client(source: &Netcat, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(source.address()).await.expect("connected");
    stream.write_all(text.as_bytes()).await.expect("sent");
    stream
}

/// So many lines, over as many polls as it takes.
async fn lines(source: &mut Netcat, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        let Polled::Batch(batch) = source.poll().await.expect("polled") else { panic!("no batch") };
        all.extend(batch.batch.events.iter().map(|event| String::from_utf8_lossy(event.body()).into_owned()));
    }
    all
}

fn settle(source: &mut Netcat, lines: i64) {
    source.commit(&[(partition("s"), lines)].into()).expect("commit");
}

async fn answers(stream: &mut TcpStream, length: usize) -> String {
    let mut answers = vec![0; length];
    stream.read_exact(&mut answers).await.expect("answers");
    String::from_utf8(answers).expect("text")
}

async fn rest(mut stream: TcpStream) -> String {
    let mut rest = String::new();
    // A connection that is reset has no more to say.
    let _ = stream.read_to_string(&mut rest).await;
    rest
}

#[tokio::test]
async fn a_line_is_answered_once_it_is_settled_and_not_before() {
    let mut source = source(|_| {}).await;
    let mut stream = client(&source, "one\r\ntwo\nunfinished").await;
    assert_eq!(lines(&mut source, 2).await, ["one\r", "two"]);
    assert!(stream.try_read(&mut [0; 8]).is_err(), "nothing is settled");
    settle(&mut source, 1);
    assert_eq!(answers(&mut stream, 3).await, "OK\n");
    settle(&mut source, 2);
    assert_eq!(answers(&mut stream, 3).await, "OK\n");
}

#[tokio::test]
async fn a_client_that_has_said_all_gets_its_answers_before_the_end() {
    let mut source = source(|_| {}).await;
    let mut stream = client(&source, "one\ntwo\n").await;
    stream.shutdown().await.expect("half closed");
    assert_eq!(lines(&mut source, 2).await.len(), 2);
    settle(&mut source, 2);
    assert_eq!(rest(stream).await, "OK\nOK\n");
}

#[tokio::test]
async fn every_client_gets_its_own_answers() {
    let mut source = source(|_| {}).await;
    let mut clients = Vec::new();
    for number in 0..20 {
        clients.push(client(&source, &format!("{number}\n{number}\n")).await);
    }
    let mut all = lines(&mut source, 40).await;
    settle(&mut source, 40);
    for stream in &mut clients {
        assert_eq!(answers(stream, 6).await, "OK\nOK\n");
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 20);
}

#[tokio::test]
async fn a_line_that_is_too_long_is_refused_after_the_answers_before_it() {
    let mut source = source(|_| {}).await;
    let stream = client(&source, "one\nthis line is much too long\ntwo\n").await;
    assert_eq!(lines(&mut source, 1).await, ["one"]);
    settle(&mut source, 1);
    assert_eq!(rest(stream).await, "OK\nFAILED: Event exceeds the maximum length (16 chars, including newline)\n");
}

#[tokio::test]
async fn without_answers_nobody_waits() {
    let mut source = source(|spec| spec.ack_every_event = false).await;
    let mut stream = client(&source, "one\ntwo\n").await;
    stream.shutdown().await.expect("half closed");
    assert_eq!(lines(&mut source, 2).await, ["one", "two"]);
    assert_eq!(rest(stream).await, "");
    settle(&mut source, 2);
}

#[tokio::test]
async fn a_paused_source_reads_nothing_and_goes_on_where_it_was() {
    let mut source = source(|_| {}).await;
    source.pause();
    let _stream = client(&source, "one\n").await;
    assert!(timeout(Duration::from_millis(50), source.poll()).await.is_err());
    source.resume();
    assert_eq!(lines(&mut source, 1).await, ["one"]);
}

#[tokio::test]
async fn a_source_that_closes_gives_the_answers_it_has_and_lets_everybody_go() {
    let mut source = source(|_| {}).await;
    let stream = client(&source, "one\ntwo\n").await;
    assert_eq!(lines(&mut source, 2).await.len(), 2);
    settle(&mut source, 1);
    let address = source.address();
    Box::new(source).close().await.expect("closed");
    assert_eq!(rest(stream).await, "OK\n");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_client_that_floods_is_held_back_and_loses_nothing() {
    let mut source = source(|_| {}).await;
    let stream = TcpStream::connect(source.address()).await.expect("connected");
    let (mut reads, mut writes) = stream.into_split();
    let flood = tokio::spawn(async move {
        for number in 0..20_000 {
            writes.write_all(format!("{number}\n").as_bytes()).await.expect("sent");
        }
        writes
    });
    let hears = tokio::spawn(async move {
        let mut answers = vec![0; 60_000];
        reads.read_exact(&mut answers).await.expect("answers");
    });
    let mut all = Vec::new();
    while all.len() < 20_000 {
        all.extend(lines(&mut source, 1).await);
        let settled = i64::try_from(all.len()).expect("small");
        settle(&mut source, settled);
    }
    assert!(all.iter().enumerate().all(|(index, line)| *line == index.to_string()));
    hears.await.expect("all answers");
    drop(flood.await.expect("flood"));
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let first = source(|_| {}).await;
    let port = first.address().port();
    let spec = Spec { bind: "127.0.0.1".to_owned(), port, max_line_length: 16, ack_every_event: true, encoding: Encoding::Utf8 };
    let Err(error) = Netcat::bind("s", &spec).await else { panic!("bound twice") };
    assert_eq!(error.to_string(), format!("listen on 127.0.0.1:{port}"));
}
