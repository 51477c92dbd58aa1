//! Where files go: the file system that `hdfs.path` names, and the part of the path below it.
//!
//! | path | file system |
//! |---|---|
//! | `hdfs://host:port/a`, `hdfs://nameservice/a`, `viewfs://table/a` | that cluster |
//! | `hdfs:///a` | the cluster of `fs.defaultFS` |
//! | `file:/a`, `file:///a` | this machine |
//! | `/a`, `a/b` | that of `fs.defaultFS`, and this machine where none is set, as in Hadoop |

/// A path, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    /// On which file system.
    pub(super) host: Host,
    /// The path on it, escapes and all.
    pub(super) path: String,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// A cluster, such as `hdfs://namenode:8020`.
    Cluster(String),
    /// This machine.
    Local,
    /// Whatever the Hadoop configuration says, and this machine where it says nothing.
    Default,
    /// The cluster that the Hadoop configuration names.
    DefaultCluster,
}

/// A path that no file system here can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Hadoop has file systems that this sink has not.
    #[error("`{0}:` is not a file system that can be written to; these are: hdfs, viewfs, file")]
    Scheme(String),
    /// A host's part that differs with each event.
    #[error("the host in `{0}` has an escape: one sink writes to one file system")]
    Host(String),
    /// `file://host/a`
    #[error("`file://{0}` names another machine")]
    Elsewhere(String),
    /// An event could choose any directory.
    #[error("the path begins with an escape, so that events could choose any directory; begin it with a directory of its own")]
    NoRoot,
    /// `.`, `..`, or a colon on HDFS.
    #[error("`{0}` is no directory's name")]
    Component(String),
}

impl Location {
    /// Takes a path apart.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(super) fn parse(text: &str) -> Result<Location, Error> {
        let (host, path) = match text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) {
            None => (Host::Default, text),
            Some((scheme, rest)) => {
                let (authority, path) = match rest.strip_prefix("//") {
                    Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
                    None => ("", rest),
                };
                if authority.contains('%') {
                    return Err(Error::Host(authority.to_owned()));
                }
                let host = match (scheme.to_ascii_lowercase().as_str(), authority) {
                    ("file", "" | "localhost") => Host::Local,
                    ("file", _) => return Err(Error::Elsewhere(authority.to_owned())),
                    ("hdfs", "") => Host::DefaultCluster,
                    (scheme @ ("hdfs" | "viewfs"), _) => Host::Cluster(format!("{scheme}://{authority}")),
                    _ => return Err(Error::Scheme(scheme.to_owned())),
                };
                (host, if path.is_empty() { "/" } else { path })
            }
        };
        if path.starts_with('%') || path.is_empty() {
            return Err(Error::NoRoot);
        }
        // What is around an escape is checked with each event.
        for component in path.split('/').filter(|component| !component.contains('%')) {
            if matches!(component, "." | "..") || (component.contains(':') && !matches!(host, Host::Local)) {
                return Err(Error::Component(component.to_owned()));
            }
        }
        Ok(Location { host, path: path.to_owned() })
    }

    /// The directory that every file is below: all before the first escape.
    pub(super) fn root(&self) -> &str {
        let Some(escape) = self.path.find('%') else { return &self.path };
        match self.path[..escape].rfind('/') {
            Some(0) => "/",
            Some(slash) => &self.path[..slash],
            None => ".",
        }
    }
}

/// RFC 3986, and long enough not to be a drive's letter.
fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Host, String) {
        let location = Location::parse(text).expect(text);
        (location.host, location.path)
    }

    #[test]
    fn a_path_says_its_file_system() {
        let cluster = |url: &str| Host::Cluster(url.to_owned());
        assert_eq!(parsed("hdfs://h:8020/a/%Y"), (cluster("hdfs://h:8020"), "/a/%Y".into()));
        assert_eq!(parsed("HDFS://h"), (cluster("hdfs://h"), "/".into()));
        assert_eq!(parsed("viewfs://t/a"), (cluster("viewfs://t"), "/a".into()));
        assert_eq!(parsed("hdfs:///a"), (Host::DefaultCluster, "/a".into()));
        assert_eq!(parsed("file:/a"), (Host::Local, "/a".into()));
        assert_eq!(parsed("file:///a:b"), (Host::Local, "/a:b".into()));
        assert_eq!(parsed("/a/%{b}"), (Host::Default, "/a/%{b}".into()));
        assert_eq!(parsed("a/b"), (Host::Default, "a/b".into()));
    }

    #[test]
    fn what_cannot_be_written_to_is_refused_by_name() {
        for (text, error) in [
            ("s3a://bucket/a", Error::Scheme("s3a".into())),
            ("file://elsewhere/a", Error::Elsewhere("elsewhere".into())),
            ("hdfs://%{host}/a", Error::Host("%{host}".into())),
            ("%{anywhere}/a", Error::NoRoot),
            ("", Error::NoRoot),
            ("/a/../b", Error::Component("..".into())),
            ("hdfs://h/a:b", Error::Component("a:b".into())),
        ] {
            assert_eq!(Location::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn the_root_is_what_comes_before_the_first_escape() {
        for (text, root) in [("/a/b-%{c}/d", "/a"), ("/%Y", "/"), ("/a/b", "/a/b"), ("a-%Y", "."), ("a/%Y", "a")] {
            assert_eq!(Location::parse(text).expect(text).root(), root, "{text}");
        }
    }
}
