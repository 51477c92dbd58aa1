//! HDFS, through hdfs-native.
//!
//! | asked for | done by |
//! |---|---|
//! | durable | `hsync`: on disk on every DataNode of the block; the bytes that end a block are synced before the next block begins, which `hsync` alone would miss |
//! | take over | opening for append, which the NameNode refuses while the writer's lease is younger than its soft limit (60 s), and recovers after. A lease is for all files of a writer, and taking over one renews it: who finds it old has to see to the writer's other files by `recoverLease` |
//! | the end of a file of ours | `recoverLease`, which asks nobody |
//!
//! `hsync` does not exist on erasure-coded files; there only what is safe once its file is closed can be written.

use std::collections::BTreeMap;

use bytes::Bytes;
use hdfs_native::client::FileStatus;
use hdfs_native::file::FileWriter;
use hdfs_native::{Client, ClientBuilder, HdfsError, WriteOptions};
use tokio::sync::OnceCell;

use super::{Call, Entry, Error, FileSystem, Seized, Writer, aside, split};

/// Port of a NameNode where a URI names none, as in Hadoop's client.
const DEFAULT_PORT: u16 = 8020;

/// Bytes that are copied at once.
const COPY_PIECE: usize = 1 << 20;

/// The exception of a NameNode that has begun to recover a lease.
const RECOVERY: &str = "org.apache.hadoop.hdfs.protocol.RecoveryInProgressException";

/// Exceptions about a path that will never be one.
const PLACES: [&str; 4] = [
    "org.apache.hadoop.fs.InvalidPathException",
    "org.apache.hadoop.fs.ParentNotDirectoryException",
    "org.apache.hadoop.fs.PathIsDirectoryException",
    "org.apache.hadoop.hdfs.protocol.FSLimitException$PathComponentTooLongException",
];

/// How to reach a cluster.
pub(crate) struct Settings<'a> {
    /// `hdfs://nameservice` or `hdfs://host:port`; `None` is the configuration's `fs.defaultFS`.
    pub(crate) url: Option<&'a str>,
    /// Settings over those of `core-site.xml` and `hdfs-site.xml`.
    pub(crate) hadoop: &'a BTreeMap<String, String>,
    /// Kerberos principal and the path of its keytab.
    pub(crate) kerberos: Option<(&'a str, &'a str)>,
    /// Whom to act for.
    pub(crate) proxy_user: Option<&'a str>,
}

/// A cluster.
pub(crate) struct Hdfs {
    client: Client,
    block_size: Option<u64>,
    replication: Option<u32>,
    /// Asked for with the first file.
    default_block_size: OnceCell<u64>,
}

impl Hdfs {
    /// Makes a client. It connects when it has to, so that a cluster which is away is no error.
    ///
    /// # Errors
    /// Settings that the client refuses. `Ok(None)`: no URL, and the configuration names no default file system, or the local one.
    pub(crate) fn connect(settings: &Settings<'_>) -> Result<Option<Hdfs>, Error> {
        let build = |url: Option<&str>| {
            let mut hadoop = settings.hadoop.clone();
            let mut builder = ClientBuilder::new();
            if let Some(url) = url {
                builder = builder.with_url(url);
            }
            if let Some((principal, keytab)) = settings.kerberos {
                hadoop.entry("hadoop.security.authentication".to_owned()).or_insert_with(|| "kerberos".to_owned());
                builder = builder.with_kerberos_principal(principal).with_kerberos_keytab(keytab);
            }
            if let Some(user) = settings.proxy_user {
                builder = builder.with_user(user);
            }
            builder.with_config(hadoop).build()
        };
        let built = match (build(settings.url), settings.url) {
            // The client knows no default port, and no name service of this name.
            (Err(HdfsError::InvalidArgument(_)), Some(url)) if is_bare_host(url) => build(Some(&format!("{url}:{DEFAULT_PORT}"))),
            (Err(HdfsError::InvalidArgument(reason)), None) if names_no_cluster(&reason) => return Ok(None),
            (built, _) => built,
        };
        let number = |key: &str| settings.hadoop.get(key).and_then(|value| value.parse::<u64>().ok());
        let setup = |error: HdfsError| Error::Setup { url: settings.url.unwrap_or("fs.defaultFS").to_owned(), reason: error.to_string() };
        Ok(Some(Hdfs {
            client: built.map_err(setup)?,
            block_size: number("dfs.blocksize"),
            replication: number("dfs.replication").and_then(|replication| u32::try_from(replication).ok()),
            default_block_size: OnceCell::new(),
        }))
    }

    /// hdfs-native has no truncate: a copy of the first bytes takes the file's place, at once and durably.
    async fn copy_over(&self, path: &str, bytes: u64) -> Result<(), HdfsError> {
        let (parent, name) = split(path);
        let copy = format!("{}/{}", parent.display().to_string().trim_end_matches('/'), aside(name));
        let options = WriteOptions { block_size: self.block_size, replication: self.replication, ..WriteOptions::default() };
        let mut reader = self.client.read(path).await?;
        let mut writer = self.client.create(&copy, options.overwrite(true)).await?;
        let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
        while left > 0 {
            let piece = reader.read_bytes(left.min(COPY_PIECE)).await?;
            if piece.is_empty() {
                return Err(HdfsError::OperationFailed(format!("it has fewer than {bytes} bytes")));
            }
            left -= piece.len();
            writer.write_bytes(piece).await?;
        }
        match writer.hsync().await {
            Err(error) if !has_no_sync(&error) => return Err(error),
            _ => writer.close().await?,
        }
        self.client.rename(&copy, path, true).await
    }

    async fn block_size(&self, path: &str) -> Result<u64, HdfsError> {
        if let Some(block_size) = self.block_size {
            return Ok(block_size);
        }
        let asked = self.default_block_size.get_or_try_init(|| async {
            let status: FileStatus = self.client.get_file_info(path).await?;
            Ok(status.blocksize.filter(|size| *size > 0).unwrap_or(u64::MAX))
        });
        asked.await.copied()
    }
}

/// `scheme://host` without a port.
fn is_bare_host(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, host)| !host.is_empty() && !host.contains([':', '/', ']']))
}

/// The client's words for a missing `fs.defaultFS`, and for one that is no cluster's: Hadoop's default is `file:///`.
fn names_no_cluster(reason: &str) -> bool {
    ["No fs.defaultFS setting found", "schemes are supported", "URL must contain a host"].iter().any(|words| reason.contains(words))
}

/// Who has a file, in the NameNode's words (`FSNamesystem.recoverLeaseInternal`).
fn owner(reason: &str) -> Option<&str> {
    let (_, owner) = reason.split_once("lease is currently owned by ")?;
    owner.split(' ').next().filter(|owner| !owner.is_empty())
}

/// Whether it is this very client that has a file, in the NameNode's words (as above).
fn is_own(reason: &str) -> bool {
    reason.contains("is already the current lease holder")
}

/// The client's words for an erasure-coded file.
fn has_no_sync(error: &HdfsError) -> bool {
    matches!(error, HdfsError::OperationFailed(reason) if reason.contains("erasure-coded"))
}

fn sorted(call: &'static str, path: &str, error: HdfsError) -> Error {
    match error {
        HdfsError::AlreadyExists(_) => Error::Exists { path: path.to_owned() },
        HdfsError::InvalidPath(reason) | HdfsError::IsADirectoryError(reason) => Error::Place { path: path.to_owned(), reason },
        HdfsError::RPCError(class, message) if PLACES.contains(&class.as_str()) => {
            // The rest is the server's stack.
            let first = message.lines().next().unwrap_or_default();
            Error::Place { path: path.to_owned(), reason: format!("{class}: {first}") }
        }
        HdfsError::RPCError(class, message) => {
            let first = message.lines().next().unwrap_or_default().to_owned();
            Error::failed(call, path, HdfsError::RPCError(class, first))
        }
        other => Error::failed(call, path, other),
    }
}

impl FileSystem for Hdfs {
    fn create<'a>(&'a self, path: &'a str) -> Call<'a, Box<dyn Writer>> {
        Box::pin(async move {
            let options = WriteOptions { block_size: self.block_size, replication: self.replication, ..WriteOptions::default() };
            let writer = self.client.create(path, &options).await.map_err(|error| sorted("create", path, error))?;
            let block_size = self.block_size(path).await.map_err(|error| sorted("create", path, error))?;
            Ok(Box::new(HdfsWriter { writer, path: path.to_owned(), block_size, position: 0 }) as Box<dyn Writer>)
        })
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> Call<'a, ()> {
        Box::pin(async move { self.client.rename(from, to, false).await.map_err(|error| sorted("rename", to, error)) })
    }

    fn length<'a>(&'a self, path: &'a str) -> Call<'a, Option<u64>> {
        Box::pin(async move {
            match self.client.get_file_info(path).await {
                Ok(status) => Ok(Some(status.length as u64)),
                Err(HdfsError::FileNotFound(_)) => Ok(None),
                Err(error) => Err(sorted("look for", path, error)),
            }
        })
    }

    fn list<'a>(&'a self, directory: &'a str) -> Call<'a, Vec<Entry>> {
        Box::pin(async move {
            let found = match self.client.list_status(directory, false).await {
                Ok(found) => found,
                Err(HdfsError::FileNotFound(_)) => return Ok(Vec::new()),
                Err(error) => return Err(sorted("list", directory, error)),
            };
            let name = |status: FileStatus| Entry {
                name: status.path.rsplit_once('/').map_or(status.path.as_str(), |(_, name)| name).to_owned(),
                is_directory: status.isdir,
            };
            Ok(found.into_iter().map(name).collect())
        })
    }

    fn delete<'a>(&'a self, path: &'a str) -> Call<'a, ()> {
        Box::pin(async move { self.client.delete(path, false).await.map(|_| ()).map_err(|error| sorted("delete", path, error)) })
    }

    fn reclaim<'a>(&'a self, path: &'a str) -> Call<'a, bool> {
        Box::pin(async move { self.client.recover_lease(path).await.map_err(|error| sorted("recover the lease of", path, error)) })
    }

    fn seize<'a>(&'a self, path: &'a str) -> Call<'a, Seized> {
        Box::pin(async move {
            let mut writer = match self.client.append(path).await {
                Ok(writer) => writer,
                Err(HdfsError::AlreadyExists(reason)) if is_own(&reason) => return Ok(Seized::Forgotten),
                Err(HdfsError::AlreadyExists(reason)) => return Ok(Seized::Held(owner(&reason).map(str::to_owned))),
                Err(HdfsError::RPCError(class, _)) if class == RECOVERY => return Ok(Seized::Ending),
                Err(error) => return Err(sorted("take over", path, error)),
            };
            writer.close().await.map(|()| Seized::Free).map_err(|error| sorted("take over", path, error))
        })
    }

    fn shorten<'a>(&'a self, path: &'a str, bytes: u64) -> Call<'a, ()> {
        Box::pin(async move { self.copy_over(path, bytes).await.map_err(|error| sorted("shorten", path, error)) })
    }
}

struct HdfsWriter {
    writer: FileWriter,
    path: String,
    block_size: u64,
    position: u64,
}

impl HdfsWriter {
    /// Appends bytes; where they fill a block, it is synced before the next begins.
    async fn append(&mut self, mut bytes: Bytes) -> Result<(), HdfsError> {
        while !bytes.is_empty() {
            let room = self.block_size - self.position % self.block_size;
            let part = bytes.split_to(bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            self.position += part.len() as u64;
            self.writer.write_bytes(part).await?;
            if self.position.is_multiple_of(self.block_size) {
                match self.writer.hsync().await {
                    Err(error) if has_no_sync(&error) => {}
                    synced => synced?,
                }
            }
        }
        Ok(())
    }
}

impl Writer for HdfsWriter {
    fn write(&mut self, bytes: Bytes) -> Call<'_, ()> {
        Box::pin(async move {
            let done = self.append(bytes).await;
            done.map_err(|error| sorted("write to", &self.path, error))
        })
    }

    fn sync(&mut self) -> Call<'_, ()> {
        Box::pin(async move {
            match self.writer.hsync().await {
                Err(error) if has_no_sync(&error) => Err(Error::NoSync { path: self.path.clone() }),
                done => done.map_err(|error| sorted("sync", &self.path, error)),
            }
        })
    }

    fn close(&mut self) -> Call<'_, ()> {
        Box::pin(async move {
            let done = self.writer.close().await;
            done.map_err(|error| sorted("close", &self.path, error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(url: Option<&str>, hadoop: &[(&str, &str)]) -> Result<Option<Hdfs>, Error> {
        let hadoop = hadoop.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Hdfs::connect(&Settings { url, hadoop: &hadoop, kerberos: None, proxy_user: None })
    }

    #[tokio::test]
    async fn a_bare_path_is_on_the_default_file_system_of_the_configuration() {
        assert!(connect(None, &[]).expect("no cluster").is_none());
        assert!(connect(None, &[("fs.defaultFS", "file:///")]).expect("no cluster").is_none());
        assert!(connect(None, &[("fs.defaultFS", "hdfs://127.0.0.1:1")]).expect("a cluster").is_some());
    }

    #[tokio::test]
    async fn a_host_without_a_port_is_a_name_service_or_has_hadoops_port() {
        assert!(connect(Some("hdfs://namenode"), &[]).expect("a cluster").is_some());
        let service = [("dfs.ha.namenodes.events", "a"), ("dfs.namenode.rpc-address.events.a", "127.0.0.1:1")];
        assert!(connect(Some("hdfs://events"), &service).expect("a cluster").is_some());
        assert!(!is_bare_host("hdfs://host:1") && !is_bare_host("hdfs://") && is_bare_host("hdfs://host"));
    }

    #[test]
    fn the_namenode_says_whose_a_file_is() {
        let reason = "Failed to APPEND_FILE /a for me on 127.0.0.1 because this file lease is currently owned by hdfs_native_client-1 on 10.0.0.1\n\tat x";
        assert_eq!(owner(reason), Some("hdfs_native_client-1"));
        assert_eq!(owner("/a already exists"), None);
        let reason = "Failed to APPEND_FILE /a for me on 127.0.0.1 because me is already the current lease holder.\n\tat x";
        assert!(is_own(reason) && owner(reason).is_none());
    }

    #[test]
    fn an_answer_of_the_namenode_about_the_path_itself_is_told_apart() {
        let class = "org.apache.hadoop.fs.ParentNotDirectoryException".to_owned();
        let error = sorted("create", "/a/b", HdfsError::RPCError(class, "/a is a file\n\tat java".to_owned()));
        assert!(matches!(error, Error::Place { reason, .. } if reason.ends_with("/a is a file")));
        let class = "org.apache.hadoop.hdfs.server.namenode.SafeModeException".to_owned();
        assert!(matches!(sorted("create", "/a/b", HdfsError::RPCError(class, String::new())), Error::Failed { .. }));
    }
}
