//! The names of Flume's component types (`org.apache.flume.conf`): which are built, which are known, and which might have been meant.

use super::problem::closest;

/// What a `type` is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `sources.*.type`
    Source,
    /// `channels.*.type`
    Channel,
    /// `sinks.*.type`
    Sink,
    /// `interceptors.*.type`
    Interceptor,
    /// `configfilters.*.type`
    ConfigFilter,
    /// `selector.type`
    Selector,
    /// `sinkgroups.*.processor.type`
    SinkProcessor,
}

impl Kind {
    /// The word for it in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Source => "source",
            Kind::Channel => "channel",
            Kind::Sink => "sink",
            Kind::Interceptor => "interceptor",
            Kind::ConfigFilter => "config filter",
            Kind::Selector => "channel selector",
            Kind::SinkProcessor => "sink processor",
        }
    }

    fn table(self) -> &'static [Type] {
        match self {
            Kind::Source => SOURCES,
            Kind::Channel => CHANNELS,
            Kind::Sink => SINKS,
            Kind::Interceptor => INTERCEPTORS,
            Kind::ConfigFilter => CONFIG_FILTERS,
            Kind::Selector => SELECTORS,
            Kind::SinkProcessor => SINK_PROCESSORS,
        }
    }

    /// What this version can run, as it is written in a file.
    #[must_use]
    pub fn supported(self) -> String {
        let names = self.table().iter().filter(|candidate| candidate.built);
        names.map(|candidate| candidate.written()).collect::<Vec<_>>().join(", ")
    }
}

/// One of Flume's types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Type {
    /// Any case; empty when only the class name works.
    pub alias: &'static str,
    /// Below `org.apache.flume.`, exact.
    class: &'static str,
    built: bool,
}

impl Type {
    fn class_name(&self) -> String {
        format!("org.apache.flume.{}", self.class)
    }

    fn written(&self) -> String {
        if self.alias.is_empty() { self.class_name() } else { self.alias.to_owned() }
    }

    /// The last part of the class name: what the loader switches on.
    #[must_use]
    pub fn simple_name(&self) -> &'static str {
        self.class.rsplit('.').next().unwrap_or(self.class)
    }
}

/// What a `type` turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This version runs it.
    Built(Type),
    /// Flume has it; this version does not.
    Known,
    /// Flume would look for a class of that name; perhaps this was meant.
    Unknown(Option<String>),
}

/// Looks a `type` up: an alias in any case, or an exact class name.
#[must_use]
pub fn find(kind: Kind, written: &str) -> Found {
    let is_it = |candidate: &&Type| {
        (!candidate.alias.is_empty() && candidate.alias.eq_ignore_ascii_case(written)) || candidate.class_name() == written
    };
    match kind.table().iter().find(is_it) {
        Some(found) if found.built => Found::Built(*found),
        Some(_) => Found::Known,
        None => Found::Unknown(meant(kind, written)),
    }
}

fn meant(kind: Kind, written: &str) -> Option<String> {
    let names: Vec<String> = kind.table().iter().flat_map(|candidate| [candidate.written(), candidate.class_name()]).collect();
    if let Some(near) = closest(written, names.iter().map(String::as_str)) {
        return Some(near.to_owned());
    }
    // A short name such as `kafka` or `KafkaSource` for a type that has only a class name.
    let short = |candidate: &&Type| {
        let simple = candidate.simple_name().to_lowercase();
        let written = written.to_lowercase();
        written.len() > 3 && (simple == written || simple.trim_end_matches(kind.name()) == written)
    };
    kind.table().iter().find(short).map(Type::written)
}

const fn built(alias: &'static str, class: &'static str) -> Type {
    Type { alias, class, built: true }
}

const fn known(alias: &'static str, class: &'static str) -> Type {
    Type { alias, class, built: false }
}

const SOURCES: &[Type] = &[
    built("", "source.kafka.KafkaSource"),
    built("seq", "source.SequenceGeneratorSource"),
    built("netcat", "source.NetcatSource"),
    known("netcatudp", "source.NetcatUdpSource"),
    known("exec", "source.ExecSource"),
    known("avro", "source.AvroSource"),
    known("thrift", "source.ThriftSource"),
    known("syslogtcp", "source.SyslogTcpSource"),
    known("multiport_syslogtcp", "source.MultiportSyslogTCPSource"),
    known("syslogudp", "source.SyslogUDPSource"),
    known("spooldir", "source.SpoolDirectorySource"),
    known("taildir", "source.taildir.TaildirSource"),
    known("http", "source.http.HTTPSource"),
    known("jms", "source.jms.JMSSource"),
    built("", "source.StressSource"),
    known("", "source.scribe.ScribeSource"),
    known("", "source.twitter.TwitterSource"),
    known("", "source.avroLegacy.AvroLegacySource"),
    known("", "source.thriftLegacy.ThriftLegacySource"),
];

const CHANNELS: &[Type] = &[
    built("memory", "channel.MemoryChannel"),
    built("file", "channel.file.FileChannel"),
    known("jdbc", "channel.jdbc.JdbcChannel"),
    built("spillablememory", "channel.SpillableMemoryChannel"),
    built("", "channel.kafka.KafkaChannel"),
    known("", "channel.PseudoTxnMemoryChannel"),
];

const SINKS: &[Type] = &[
    built("", "sink.kafka.KafkaSink"),
    built("null", "sink.NullSink"),
    built("logger", "sink.LoggerSink"),
    built("file_roll", "sink.RollingFileSink"),
    built("hdfs", "sink.hdfs.HDFSEventSink"),
    known("avro", "sink.AvroSink"),
    known("thrift", "sink.ThriftSink"),
    known("irc", "sink.irc.IRCSink"),
    known("hbase", "sink.hbase.HBaseSink"),
    known("asynchbase", "sink.hbase.AsyncHBaseSink"),
    known("hbase2", "sink.hbase2.HBase2Sink"),
    known("morphline_solr", "sink.solr.morphline.MorphlineSolrSink"),
    known("hive", "sink.hive.HiveSink"),
    known("http", "sink.http.HttpSink"),
    known("elasticsearch", "sink.elasticsearch.ElasticSearchSink"),
    known("", "sink.kudu.KuduSink"),
    known("", "sink.kite.DatasetSink"),
];

const INTERCEPTORS: &[Type] = &[
    built("timestamp", "interceptor.TimestampInterceptor$Builder"),
    built("host", "interceptor.HostInterceptor$Builder"),
    built("static", "interceptor.StaticInterceptor$Builder"),
    built("remove_header", "interceptor.RemoveHeaderInterceptor$Builder"),
    built("search_replace", "interceptor.SearchAndReplaceInterceptor$Builder"),
    built("regex_filter", "interceptor.RegexFilteringInterceptor$Builder"),
    built("regex_extractor", "interceptor.RegexExtractorInterceptor$Builder"),
    built("", "sink.solr.morphline.UUIDInterceptor$Builder"),
    known("", "sink.solr.morphline.MorphlineInterceptor$Builder"),
];

const CONFIG_FILTERS: &[Type] = &[
    built("env", "configfilter.EnvironmentVariableConfigFilter"),
    built("external", "configfilter.ExternalProcessConfigFilter"),
    known("hadoop", "configfilter.HadoopCredentialStoreConfigFilter"),
];

const SELECTORS: &[Type] = &[
    built("replicating", "channel.ReplicatingChannelSelector"),
    built("multiplexing", "channel.MultiplexingChannelSelector"),
    built("load_balancing", "channel.LoadBalancingChannelSelector"),
];

const SINK_PROCESSORS: &[Type] = &[
    built("default", "sink.DefaultSinkProcessor"),
    built("failover", "sink.FailoverSinkProcessor"),
    built("load_balance", "sink.LoadBalancingSinkProcessor"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_work_in_any_case_and_class_names_only_as_they_are() {
        assert!(matches!(find(Kind::Channel, "Memory"), Found::Built(_)));
        assert!(matches!(find(Kind::Channel, "org.apache.flume.channel.MemoryChannel"), Found::Built(_)));
        assert!(matches!(find(Kind::Channel, "org.apache.flume.channel.memorychannel"), Found::Unknown(Some(_))));
        assert!(matches!(find(Kind::Sink, "HDFS"), Found::Built(_)));
        assert_eq!(find(Kind::Sink, "Avro"), Found::Known);
    }

    #[test]
    fn a_short_name_is_told_the_class_name() {
        let class = Some("org.apache.flume.source.kafka.KafkaSource".to_owned());
        assert_eq!(find(Kind::Source, "kafka"), Found::Unknown(class.clone()));
        assert_eq!(find(Kind::Source, "KafkaSource"), Found::Unknown(class));
        assert_eq!(find(Kind::Channel, "memroy"), Found::Unknown(Some("memory".to_owned())));
        assert_eq!(find(Kind::Source, "com.example.Mine"), Found::Unknown(None));
    }
}
