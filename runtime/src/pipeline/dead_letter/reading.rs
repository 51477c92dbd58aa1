//! One look at the place of a pipeline's letters: which of them are wanted, and those of them that somebody asks to see.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Instant;

use super::Error;
use super::address::Address;
use super::letter::Parked;
use super::shelf::Shelf;
use super::spec;
use super::topic_shelf::TopicShelf;
use super::wanted::Wanted;
use crate::config::Brokers;
use crate::source::kafka::find;

/// Where letters are read.
#[derive(Debug, Clone)]
pub(super) enum Place {
    File(PathBuf),
    Topic {
        topic: Box<spec::Topic>,
        brokers: Brokers,
        /// What the topic refused.
        overflow: PathBuf,
    },
}

/// The wanted letters: a topic's first, then a file's.
pub(super) struct Reading {
    topic: Option<TopicShelf>,
    shelf: Shelf,
}

impl Place {
    /// Looks through all of it.
    pub(super) async fn look(&self, wanted: Wanted, deadline: Instant) -> Result<Reading, Error> {
        let place = self.clone();
        let bootstrap = match self {
            Place::File(_) => String::new(),
            Place::Topic { topic, brokers, .. } => {
                find(brokers, &topic.client).await.map_err(crate::sink::Error::Brokers).map_err(Error::Topic)?
            }
        };
        blocking(move || {
            let (topic, path) = match &place {
                Place::File(path) => (None, path),
                Place::Topic { topic, overflow, .. } => (Some(TopicShelf::look(topic, &bootstrap, &wanted, deadline)?), overflow),
            };
            let shelf = Shelf::look(path, &wanted).map_err(|source| Error::ReadFile { path: path.clone(), source })?;
            Ok(Reading { topic, shelf })
        })
        .await
    }

    /// As the API says it.
    pub(super) fn name(&self, reading: &Reading) -> String {
        match self {
            Place::File(path) => path.display().to_string(),
            Place::Topic { topic, overflow, .. } if reading.shelf.is_there() => {
                format!("topic {}, and {} for what it refused", topic.topic, overflow.display())
            }
            Place::Topic { topic, .. } => format!("topic {}", topic.topic),
        }
    }

    fn file(&self) -> &PathBuf {
        match self {
            Place::File(path) => path,
            Place::Topic { overflow, .. } => overflow,
        }
    }

    /// Loads these letters of what was found.
    pub(super) async fn load(
        &self,
        mut reading: Reading,
        some: &[Address],
        deadline: Instant,
    ) -> Result<(Reading, Vec<(Address, Parked)>), Error> {
        let (addresses, path): (HashSet<Address>, _) = (some.iter().copied().collect(), self.file().clone());
        blocking(move || {
            let mut letters = match &reading.topic {
                Some(topic) if addresses.iter().any(|address| matches!(address, Address::Record { .. })) => {
                    topic.load(&addresses, deadline)?
                }
                _ => Vec::new(),
            };
            letters.extend(reading.shelf.load(&addresses).map_err(|source| Error::ReadFile { path, source })?);
            Ok((reading, letters))
        })
        .await
    }
}

impl Reading {
    pub(super) fn addresses(&self) -> Vec<Address> {
        self.topic.iter().flat_map(TopicShelf::addresses).chain(self.shelf.addresses()).collect()
    }

    pub(super) fn unreadable(&self) -> u64 {
        self.topic.as_ref().map_or(0, |topic| topic.unreadable) + self.shelf.unreadable
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|panic| Error::Panicked(panic.to_string()))?
}
