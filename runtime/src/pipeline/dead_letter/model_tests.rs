//! Files of letters against a model: parked, dropped, replayed, compacted and killed at any step, they hold what the model holds.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::address::Address;
use super::compact::Draft;
use super::file::{File, Held, dropped};
use super::letter::Parked;
use super::line;
use super::shelf::Shelf;
use super::wanted::Wanted;
use crate::batch::{Rejected, Rejection};
use crate::event::Event;

/// Where a compaction is killed.
#[derive(Debug, Clone, Copy)]
enum Stop {
    Written,
    Synced,
    InPlace,
    Never,
}

const STOPS: [Stop; 4] = [Stop::Written, Stop::Synced, Stop::InPlace, Stop::Never];

fn compact(path: &Path, stop: Stop) {
    let held = Held::open(path).expect("hold");
    let (dropped, _) = dropped(held.file()).expect("read");
    let draft = Draft::write(path, held.file(), &dropped).expect("write");
    if matches!(stop, Stop::Written) {
        return;
    }
    let synced = draft.sync().expect("sync");
    if matches!(stop, Stop::Synced) {
        return;
    }
    let in_place = synced.put_in_place().expect("rename");
    if matches!(stop, Stop::InPlace) {
        return;
    }
    in_place.sync_folder().expect("sync the folder");
}

/// xorshift: the same sequence in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

/// A file, and what should be in it.
struct Checked {
    path: PathBuf,
    /// By pipeline, name and body, in the order of the file.
    letters: Vec<(&'static str, Address, String)>,
    torn: u64,
    written: usize,
}

impl Checked {
    async fn park(&mut self, pipeline: &'static str, attempt: u32) {
        self.written += 1;
        let body = format!("event {} {}", self.written, "x".repeat(self.written % 50));
        let letter = parked(pipeline, &body, attempt);
        let address = Address::Id(letter.id.expect("an id"));
        File::lazy(self.path.clone()).write(&[letter]).await.expect("write");
        self.letters.push((pipeline, address, body));
    }

    async fn drop(&mut self, which: &[usize]) {
        let addresses: Vec<Address> = which.iter().map(|index| self.letters[*index].1).collect();
        File::lazy(self.path.clone()).forget(&addresses, "test").await.expect("drop");
        self.letters.retain(|(_, address, _)| !addresses.contains(address));
    }

    /// A crash leaves the beginning of what was being written, and the next writer finds it.
    async fn crash(&mut self, random: &mut Random) {
        let mut line = Vec::new();
        match random.below(2) {
            0 => line::write(&parked("p", "never safe", 0), &mut line),
            _ => line::write_dropped(&self.letters.iter().map(|(_, address, _)| *address).collect::<Vec<_>>(), 1, "test", &mut line),
        }
        let cut = 1 + random.below(line.len() - 2);
        let mut file = fs::OpenOptions::new().append(true).open(&self.path).expect("open");
        file.write_all(&line[..cut]).expect("write");
        self.check("while a line is being written");
        File::open(self.path.clone()).await.expect("open");
        self.torn += 1;
    }

    fn check(&self, when: &str) {
        for pipeline in ["p", "q"] {
            let mut shelf = Shelf::look(&self.path, &Wanted { pipeline: pipeline.into(), ..Wanted::default() }).expect("look");
            let addresses = shelf.addresses().collect();
            let loaded = shelf.load(&addresses).expect("load");
            let body = |letter: &Parked| String::from_utf8_lossy(letter.rejected.event.body()).into_owned();
            let found: Vec<_> = loaded.iter().map(|(address, letter)| (*address, body(letter))).collect();
            let expected = self.letters.iter().filter(|(of, ..)| *of == pipeline).map(|(_, address, body)| (*address, body.clone()));
            assert_eq!(found, expected.collect::<Vec<_>>(), "{when}");
            assert_eq!(shelf.unreadable, self.torn, "{when}");
        }
    }
}

fn parked(pipeline: &str, body: &str, attempt: u32) -> Parked {
    let rejection = Rejection { stage: "interceptor i".into(), reason: "no".into(), ..Rejection::default() };
    Parked { attempt, ..Parked::new(pipeline, Rejected { event: Event::new(body.to_owned()), rejection }) }
}

#[tokio::test]
async fn whatever_is_done_to_a_file_and_wherever_that_is_killed_it_holds_what_the_model_holds() {
    let folder = tempfile::tempdir().expect("folder");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for run in 0..25 {
        let path = folder.path().join(format!("{run}.jsonl"));
        File::open(path.clone()).await.expect("open");
        let mut checked = Checked { path, letters: Vec::new(), torn: 0, written: 0 };
        for step in 0..60 {
            let live = checked.letters.len();
            let operation = random.below(6);
            match operation {
                0 | 1 => checked.park(["p", "q"][random.below(2)], 0).await,
                2 if live > 0 => {
                    let which: Vec<usize> = (0..live).filter(|_| random.below(3) == 0).collect();
                    checked.drop(&which).await;
                }
                // A replay parks some anew, and then drops what it took.
                3 if live > 0 => {
                    let most = 1 + random.below(live);
                    for index in 0..most {
                        if random.below(4) == 0 {
                            checked.park(checked.letters[index].0, 1).await;
                        }
                    }
                    checked.drop(&(0..most).collect::<Vec<_>>()).await;
                }
                4 => compact(&checked.path, STOPS[random.below(STOPS.len())]),
                5 => checked.crash(&mut random).await,
                _ => {}
            }
            checked.check(&format!("run {run}, step {step}, operation {operation}"));
        }
    }
}

#[tokio::test]
async fn killed_at_any_step_of_a_compaction_a_file_says_the_same_and_the_next_compaction_succeeds() {
    for stop in STOPS {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("letters.jsonl");
        let mut checked = Checked { path: path.clone(), letters: Vec::new(), torn: 0, written: 0 };
        for _ in 0..10 {
            checked.park("p", 0).await;
        }
        checked.drop(&[0, 1, 2, 3, 4, 5, 6]).await;
        compact(&path, stop);
        checked.check(&format!("killed at {stop:?}"));
        checked.park("p", 0).await;
        checked.check(&format!("written to after {stop:?}"));
        assert!(
            super::file::compact(&path, 0).expect("compact").is_some_and(|saved| saved > 0) || matches!(stop, Stop::InPlace | Stop::Never)
        );
        checked.check(&format!("compacted after {stop:?}"));
        assert_eq!(fs::read_to_string(&path).expect("file").lines().count(), 4);
    }
}

#[tokio::test]
async fn lines_without_ids_are_named_by_their_place_and_get_ids_when_they_move() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("letters.jsonl");
    let old = |body: &str| {
        let mut line = Vec::new();
        line::write(&Parked { id: None, ..parked("p", body, 0) }, &mut line);
        String::from_utf8(line).expect("text")
    };
    let lines = [old("first"), "not ours\n".to_owned(), old("second")];
    fs::write(&path, lines.concat()).expect("write");
    let look = || Shelf::look(&path, &Wanted { pipeline: "p".into(), ..Wanted::default() }).expect("look");
    let second = Address::Line((lines[0].len() + lines[1].len()) as u64);
    assert_eq!(look().addresses().collect::<Vec<_>>(), [Address::Line(0), second]);
    File::lazy(path.clone()).forget(&[Address::Line(0)], "test").await.expect("drop");
    assert_eq!(look().addresses().collect::<Vec<_>>(), [second]);
    compact(&path, Stop::Never);
    let mut shelf = look();
    let left: Vec<_> = shelf.addresses().collect();
    assert!(matches!(left[..], [Address::Id(_)]), "{left:?}");
    let letters = shelf.load(&left.into_iter().collect()).expect("load");
    assert_eq!(letters[0].1.rejected.event.body(), b"second");
    assert_eq!(shelf.unreadable, 1, "what is not ours is left alone");
}
