//! Reading a file of dead letters, through a handle of the reader's own: what it sees is the file of one moment, whatever is done to it meanwhile.

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use uuid::Uuid;

use super::address::Address;
use super::letter::Parked;
use super::line::Entry;
use super::wanted::Wanted;

/// Whole lines, from a file's beginning. A last line without an end is being written, or was torn: it is not there.
pub(super) struct Lines<'a> {
    file: BufReader<&'a fs::File>,
    text: Vec<u8>,
    next: u64,
}

/// A line and where it is.
pub(super) struct Line {
    pub(super) entry: Entry,
    /// Its first byte.
    pub(super) start: u64,
    /// With its end.
    pub(super) length: usize,
}

impl Line {
    /// How a letter in a file is named.
    pub(super) fn address(id: Option<Uuid>, start: u64) -> Address {
        id.map_or(Address::Line(start), Address::Id)
    }
}

impl<'a> Lines<'a> {
    pub(super) fn of(mut file: &'a fs::File) -> io::Result<Lines<'a>> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Lines { file: BufReader::with_capacity(1 << 18, file), text: Vec::new(), next: 0 })
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            self.text.clear();
            let length = self.file.read_until(b'\n', &mut self.text)?;
            if self.text.pop() != Some(b'\n') {
                return Ok(None);
            }
            let start = self.next;
            self.next += length as u64;
            if !self.text.is_empty() {
                return Ok(Some(Line { entry: Entry::read(&self.text), start, length }));
            }
        }
    }

    /// The line that came last, without its end.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }
}

/// The wanted letters of a file, found and not loaded.
pub(super) struct Shelf {
    /// `None`: there is no file yet.
    file: Option<fs::File>,
    found: Vec<Place>,
    pub(super) unreadable: u64,
}

struct Place {
    address: Address,
    start: u64,
    length: usize,
}

impl Shelf {
    /// Looks through the file.
    pub(super) fn look(path: &Path, wanted: &Wanted) -> io::Result<Shelf> {
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Shelf { file: None, found: Vec::new(), unreadable: 0 }),
            Err(error) => return Err(error),
        };
        let (mut found, mut dropped, mut unreadable) = (Vec::new(), HashSet::new(), 0);
        let (mut seen, mut passed) = (HashSet::new(), None);
        let mut lines = Lines::of(&file)?;
        while let Some(line) = lines.next()? {
            let letter = match line.entry {
                Entry::Letter(letter) => letter,
                Entry::Dropped(addresses) => {
                    dropped.extend(addresses);
                    continue;
                }
                Entry::Unreadable => {
                    unreadable += 1;
                    continue;
                }
            };
            let address = Line::address(letter.id, line.start);
            // A write that failed half-way and was tried again may be there twice.
            if wanted.takes(address, &letter) && seen.insert(address) {
                found.push(Place { address, start: line.start, length: line.length });
            }
            if wanted.after == Some(address) {
                passed = Some(found.len());
            }
        }
        match (passed, wanted.after) {
            (Some(passed), _) => drop(found.drain(..passed)),
            // Its line is gone, with a compaction: ids grow with time.
            (None, Some(after)) => found.retain(|place| place.address > after),
            (None, None) => {}
        }
        found.retain(|place| !dropped.contains(&place.address));
        Ok(Shelf { file: Some(file), found, unreadable })
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.found.iter().map(|place| place.address)
    }

    pub(super) fn is_there(&self) -> bool {
        self.file.is_some()
    }

    /// Loads these, in the file's order.
    pub(super) fn load(&mut self, addresses: &HashSet<Address>) -> io::Result<Vec<(Address, Parked)>> {
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        let mut letters = Vec::new();
        for place in self.found.iter().filter(|place| addresses.contains(&place.address)) {
            let mut line = vec![0; place.length - 1];
            file.seek(SeekFrom::Start(place.start))?;
            file.read_exact(&mut line)?;
            if let Entry::Letter(letter) = Entry::read(&line) {
                letters.push((place.address, *letter));
            }
        }
        Ok(letters)
    }
}
