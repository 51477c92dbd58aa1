//! Names of files: Flume's path managers (`org.apache.flume.formatter.output`).

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Zoned;

use super::spec::{Names, Spec};

/// Gives each file a name.
pub(super) struct Namer {
    directory: PathBuf,
    names: Names,
    prefix: String,
    extension: String,
    /// Milliseconds since the epoch.
    started: u128,
    /// The second of the last file.
    second: String,
    number: u64,
}

impl Namer {
    pub(super) fn new(spec: &Spec) -> Namer {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let extension = if spec.extension.is_empty() { String::new() } else { format!(".{}", spec.extension) };
        let (second, number) = Default::default();
        Namer { directory: spec.directory.clone(), names: spec.names, prefix: spec.prefix.clone(), extension, started, second, number }
    }

    /// The next file's path.
    pub(super) fn next(&mut self, now: &Zoned) -> PathBuf {
        let series = match self.names {
            Names::Start => self.started.to_string(),
            Names::RollTime => {
                let second = now.strftime("%Y%m%d%H%M%S").to_string();
                if second != self.second {
                    self.number = 0;
                    self.second.clone_from(&second);
                }
                second
            }
        };
        self.number += 1;
        self.directory.join(format!("{}{series}-{}{}", self.prefix, self.number, self.extension))
    }

    /// Where the files are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::file_format;

    fn namer(names: Names) -> Namer {
        let spec = Spec {
            directory: "/d".into(),
            roll_interval: Duration::ZERO,
            batch_size: std::num::NonZeroUsize::MIN,
            format: file_format::Spec::default(),
            names,
            prefix: "orders-".to_owned(),
            extension: "log".to_owned(),
        };
        Namer { started: 1_700_000_000_000, ..Namer::new(&spec) }
    }

    #[test]
    fn files_are_numbered_after_the_start() {
        let (mut namer, now) = (namer(Names::Start), Zoned::now());
        let names = [namer.next(&now), namer.next(&now)];
        assert_eq!(names, ["/d/orders-1700000000000-1.log", "/d/orders-1700000000000-2.log"].map(PathBuf::from));
    }

    #[test]
    fn files_are_numbered_within_their_second() {
        let mut namer = namer(Names::RollTime);
        let at = |text: &str| text.parse::<Zoned>().expect("a time");
        let (first, second) = (at("2023-11-14T23:13:20.1+01:00[Europe/Prague]"), at("2023-11-14T23:13:21.0+01:00[Europe/Prague]"));
        let names = [namer.next(&first), namer.next(&first), namer.next(&second)];
        let wanted = ["/d/orders-20231114231320-1.log", "/d/orders-20231114231320-2.log", "/d/orders-20231114231321-1.log"];
        assert_eq!(names, wanted.map(PathBuf::from));
    }
}
