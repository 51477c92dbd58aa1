//! Every call ends: in time, or as [`Error::TimedOut`]; and a panic of a client library is an error like any other.
//!
//! hdfs-native has no time-out of its own on connecting or on an answer of the NameNode, and some failures of DataNodes make its `hsync` wait for
//! ever (`hdfs.callTimeout` is Flume's answer to the same).

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;

use super::{Call, Entry, Error, FileSystem, Seized, Writer};

/// So many times as long as another call a copy may take.
const COPY: u32 = 20;

/// A file system whose calls are bounded.
pub(crate) struct Bounded {
    inner: Box<dyn FileSystem>,
    limit: Option<Duration>,
}

impl Bounded {
    /// Bounds each call; `None` waits as long as it takes.
    pub(crate) fn new(inner: Box<dyn FileSystem>, limit: Option<Duration>) -> Bounded {
        Bounded { inner, limit }
    }
}

async fn bounded<T>(limit: Option<Duration>, call: &'static str, path: &str, work: Call<'_, T>) -> Result<T, Error> {
    let work = AssertUnwindSafe(work).catch_unwind();
    let ended = match limit {
        None => work.await,
        Some(limit) => match tokio::time::timeout(limit, work).await {
            Ok(ended) => ended,
            Err(_) => return Err(Error::TimedOut { call, path: path.to_owned(), limit }),
        },
    };
    ended.unwrap_or_else(|_| Err(Error::Panicked { call, path: path.to_owned() }))
}

impl FileSystem for Bounded {
    fn create<'a>(&'a self, path: &'a str) -> Call<'a, Box<dyn Writer>> {
        Box::pin(async move {
            let inner = bounded(self.limit, "create", path, self.inner.create(path)).await?;
            Ok(Box::new(BoundedWriter { inner, limit: self.limit, path: path.to_owned() }) as Box<dyn Writer>)
        })
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Call<'a, ()> {
        Box::pin(bounded(self.limit, "rename", from, self.inner.rename(from, to)))
    }

    fn length<'a>(&'a self, path: &'a str) -> Call<'a, Option<u64>> {
        Box::pin(bounded(self.limit, "look for", path, self.inner.length(path)))
    }

    fn list<'a>(&'a self, directory: &'a str) -> Call<'a, Vec<Entry>> {
        Box::pin(bounded(self.limit, "list", directory, self.inner.list(directory)))
    }

    fn delete<'a>(&'a self, path: &'a str) -> Call<'a, ()> {
        Box::pin(bounded(self.limit, "delete", path, self.inner.delete(path)))
    }

    fn reclaim<'a>(&'a self, path: &'a str) -> Call<'a, bool> {
        Box::pin(bounded(self.limit, "recover the lease of", path, self.inner.reclaim(path)))
    }

    fn seize<'a>(&'a self, path: &'a str) -> Call<'a, Seized> {
        Box::pin(bounded(self.limit, "take over", path, self.inner.seize(path)))
    }

    fn shorten<'a>(&'a self, path: &'a str, bytes: u64) -> Call<'a, ()> {
        // Many calls in truth.
        let limit = self.limit.map(|limit| limit * COPY);
        Box::pin(bounded(limit, "shorten", path, self.inner.shorten(path, bytes)))
    }
}

struct BoundedWriter {
    inner: Box<dyn Writer>,
    limit: Option<Duration>,
    path: String,
}

impl Writer for BoundedWriter {
    fn write(&mut self, bytes: Bytes) -> Call<'_, ()> {
        Box::pin(bounded(self.limit, "write to", &self.path, self.inner.write(bytes)))
    }

    fn sync(&mut self) -> Call<'_, ()> {
        Box::pin(bounded(self.limit, "sync", &self.path, self.inner.sync()))
    }

    fn close(&mut self) -> Call<'_, ()> {
        Box::pin(bounded(self.limit, "close", &self.path, self.inner.close()))
    }
}
