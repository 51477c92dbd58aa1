//! Into files: what netcat clients were told is safe is there, and what a sequence counts is there once and in order.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::harness::agent::{Agent, Site};
use crate::harness::{turn, wait};

const PATIENCE: Duration = Duration::from_secs(60);

/// The lines of all files below a directory, in the order of their numbers.
pub(super) fn lines(directory: &Path) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(directory).map_or_else(|_| Vec::new(), |all| all.map(|file| file.unwrap().path()).collect());
    files.sort_by_key(|file| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let (series, number) = name.split_once('-').unwrap();
        (series.parse::<u64>().unwrap(), number.parse::<u64>().unwrap())
    });
    files.iter().flat_map(|file| fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn a_sequence_is_in_the_files_once_and_in_order() {
    let _turn = turn::shared();
    let properties = "a.sources = s\na.channels = c\na.sinks = k\n\
         a.sources.s.type = seq\n\
         a.sources.s.batchSize = 100\n\
         a.sources.s.totalEvents = 50000\n\
         a.sources.s.channels = c\n\
         a.channels.c.type = memory\n\
         a.channels.c.capacity = 1000\n\
         a.sinks.k.type = file_roll\n\
         a.sinks.k.channel = c\n\
         a.sinks.k.sink.directory = out\n\
         a.sinks.k.sink.rollInterval = 1\n";
    let site = Site::new("seq", properties, &["a"]);
    let out = site.directory().join("out");
    // Only later: until then the sink waits, and says for what.
    let agent = site.start();
    wait::until("the missing directory is named", PATIENCE, || agent.log().contains("No such file or directory"));
    fs::create_dir(&out).unwrap();
    wait::until("all is written", PATIENCE, || lines(&out).len() >= 50_000);
    assert_eq!(agent.terminate(), 0);
    let wanted: Vec<String> = (0..50_000).map(|number| number.to_string()).collect();
    assert!(lines(&out) == wanted, "{} lines, not the numbers in order", lines(&out).len());
}

/// Where an agent's netcat source listens.
fn address(agent: &Agent) -> SocketAddr {
    wait::until("the source listens", PATIENCE, || !agent.logged("netcat source listens").is_empty());
    agent.logged("netcat source listens")[0]["address"].as_str().unwrap().parse().unwrap()
}

#[test]
fn whatever_a_netcat_client_got_its_answer_for_is_in_a_file_after_a_kill() {
    let _turn = turn::shared();
    let properties = "a.sources = r\na.channels = c\na.sinks = k\n\
         a.sources.r.type = netcat\n\
         a.sources.r.bind = 127.0.0.1\n\
         a.sources.r.port = 0\n\
         a.sources.r.channels = c\n\
         a.channels.c.type = memory\n\
         a.sinks.k.type = file_roll\n\
         a.sinks.k.channel = c\n\
         a.sinks.k.sink.directory = out\n";
    let site = Site::new("netcat", properties, &["a"]);
    let out = site.directory().join("out");
    fs::create_dir(&out).unwrap();
    let mut answered: Vec<String> = Vec::new();
    let mut random = 7_u64;
    for round in 0..3 {
        let agent = site.start();
        let stream = TcpStream::connect(address(&agent)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
        let sending = std::thread::spawn(move || {
            let mut stream = stream;
            // Until the agent is killed.
            (0..).take_while(|number| writeln!(stream, "{round} line {number}").is_ok()).count()
        });
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        for number in 0..1000 + (random >> 33) % 5000 {
            assert_eq!(answers.next().unwrap().unwrap(), "OK");
            answered.push(format!("{round} line {number}"));
        }
        agent.kill();
        // What the dead agent had answered and nobody had read yet.
        for (number, answer) in (answered.len()..).zip(answers) {
            let Ok(answer) = answer else { break };
            assert_eq!(answer, "OK", "answer {number}");
        }
        println!("netcat: round {round}, {} lines sent, {} answered in all", sending.join().unwrap(), answered.len());
    }
    let written: HashSet<String> = lines(&out).into_iter().collect();
    let lost = answered.iter().filter(|line| !written.contains(*line)).count();
    println!("netcat: {} answered, {} written, {lost} lost", answered.len(), written.len());
    assert_eq!(lost, 0);
}
