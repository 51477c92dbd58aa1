//! What the environment says about spans, in OpenTelemetry's own variables:
//!
//! | variable | |
//! |---|---|
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | the collector; `/v1/traces` is put behind it |
//! | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | the same, taken as it is |
//! | `OTEL_EXPORTER_OTLP_[TRACES_]CERTIFICATE` | file of the CA that signed the certificate of an `https` collector; needed for one |
//! | `OTEL_EXPORTER_OTLP_[TRACES_]TIMEOUT` | milliseconds for one export; default 10,000 |
//! | `OTEL_EXPORTER_OTLP_[TRACES_]HEADERS` | read by the exporter |
//! | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | which batches; default `parentbased_always_on` |
//! | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | who sends; default `weir` |
//! | `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | read by the exporter |
//! | `OTEL_SDK_DISABLED`, `OTEL_TRACES_EXPORTER` | `true` and `none`: no spans after all |

use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;
use opentelemetry_sdk::trace::Sampler;
use tracing::warn;

/// Time for one export, unless the environment says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Spans cannot be sent as the environment asks.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    // Its value may hold a password.
    #[error("the endpoint of the collector is no http or https URL")]
    Endpoint,
    #[error("an https collector needs the file of its CA in OTEL_EXPORTER_OTLP_CERTIFICATE")]
    NoCertificate,
    #[error("read the CA of the collector from {0:?}")]
    Certificate(PathBuf, #[source] tokio_rustls::rustls::pki_types::pem::Error),
    #[error("set up TLS to the collector")]
    Tls(#[source] tokio_rustls::rustls::Error),
    #[error("the protocol {0:?} is not spoken here, only http/protobuf")]
    Protocol(String),
    #[error("set up the exporter")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
}

/// A collector, and what it gets.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) endpoint: Uri,
    /// Of an `https` collector.
    pub(super) certificate: Option<PathBuf>,
    pub(super) timeout: Duration,
    pub(super) sampler: Sampler,
    pub(super) service_name: Option<String>,
}

impl Settings {
    /// `None` where no collector is named, or spans are turned off.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Settings>, Error> {
        // As the specification has it: empty is unset.
        let given = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let otlp =
            |name: &str| given(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}")).or_else(|| given(&format!("OTEL_EXPORTER_OTLP_{name}")));
        let base = given("OTEL_EXPORTER_OTLP_ENDPOINT").map(|base| format!("{}/v1/traces", base.trim_end_matches('/')));
        let Some(endpoint) = given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or(base) else { return Ok(None) };
        let is = |name: &str, value: &str| given(name).is_some_and(|given| given.eq_ignore_ascii_case(value));
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        if let Some(protocol) = otlp("PROTOCOL").filter(|protocol| protocol != "http/protobuf") {
            return Err(Error::Protocol(protocol));
        }
        let endpoint: Uri = endpoint.parse().map_err(|_| Error::Endpoint)?;
        let certificate = otlp("CERTIFICATE").map(PathBuf::from);
        match endpoint.scheme_str() {
            Some("http") => {}
            Some("https") if certificate.is_some() => {}
            Some("https") => return Err(Error::NoCertificate),
            _ => return Err(Error::Endpoint),
        }
        Ok(Some(Settings {
            endpoint,
            certificate,
            timeout: otlp("TIMEOUT").map_or(TIMEOUT, |text| timeout(&text)),
            sampler: sampler(given("OTEL_TRACES_SAMPLER").as_deref(), given("OTEL_TRACES_SAMPLER_ARG").as_deref()),
            service_name: given("OTEL_SERVICE_NAME"),
        }))
    }

    /// The collector's address, without whatever else its URL holds.
    pub(super) fn place(&self) -> String {
        let host = self.endpoint.host().unwrap_or_default();
        let port = self.endpoint.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}{}", self.endpoint.scheme_str().unwrap_or_default(), self.endpoint.path())
    }
}

fn timeout(text: &str) -> Duration {
    match text.parse() {
        Ok(millis) => Duration::from_millis(millis),
        Err(_) => {
            warn!(timeout = text, "the exporter's timeout is no number of milliseconds, {TIMEOUT:?} it is");
            TIMEOUT
        }
    }
}

/// What cannot be read counts as not said, which is logged: so the specification has it.
fn sampler(name: Option<&str>, argument: Option<&str>) -> Sampler {
    let ratio = || match argument.map(str::parse::<f64>) {
        Some(Ok(ratio)) if (0.0..=1.0).contains(&ratio) => Sampler::TraceIdRatioBased(ratio),
        _ => {
            warn!(argument, "OTEL_TRACES_SAMPLER_ARG is no ratio between 0 and 1, all batches have spans");
            Sampler::TraceIdRatioBased(1.0)
        }
    };
    let with_parent = |root: Sampler| Sampler::ParentBased(Box::new(root));
    match name {
        None | Some("parentbased_always_on") => with_parent(Sampler::AlwaysOn),
        Some("always_on") => Sampler::AlwaysOn,
        Some("always_off") => Sampler::AlwaysOff,
        Some("traceidratio") => ratio(),
        Some("parentbased_always_off") => with_parent(Sampler::AlwaysOff),
        Some("parentbased_traceidratio") => with_parent(ratio()),
        Some(name) => {
            warn!(name, "OTEL_TRACES_SAMPLER is no sampler known here, all batches have spans");
            with_parent(Sampler::AlwaysOn)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>, Error> {
        Settings::read(|name| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned()))
    }

    fn settings(variables: &[(&str, &str)]) -> Settings {
        read(variables).expect("good").expect("a collector")
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");

    #[test]
    fn without_a_collector_or_when_turned_off_there_are_no_spans() {
        assert!(read(&[]).expect("good").is_none());
        assert!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " "), ("OTEL_TRACES_SAMPLER", "always_on")]).expect("good").is_none());
        assert!(read(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]).expect("good").is_none());
        assert!(read(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]).expect("good").is_none());
    }

    #[test]
    fn the_variable_for_traces_goes_before_the_one_for_all_and_is_taken_as_it_is() {
        assert_eq!(settings(&[ENDPOINT]).endpoint, "http://collector:4318/v1/traces");
        let own = [ENDPOINT, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://other/in"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "250")];
        let settings = settings(&own);
        assert_eq!(settings.endpoint, "http://other/in");
        assert_eq!(settings.timeout, Duration::from_millis(250));
    }

    #[test]
    fn what_cannot_be_done_is_refused_and_shows_no_password() {
        let refused = |variables: &[(&str, &str)]| read(variables).expect_err("refused").to_string();
        assert!(refused(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector")]).contains("OTEL_EXPORTER_OTLP_CERTIFICATE"));
        assert!(refused(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).contains("\"grpc\""));
        for endpoint in ["collector:4318", "ftp://collector", "http://u:secret@ho st"] {
            assert!(!refused(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]).contains("secret"));
        }
        assert_eq!(settings(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:secret@host:1?key=secret")]).place(), "http://host:1/");
    }

    #[test]
    fn samplers_have_the_names_of_the_specification() {
        let chosen = |name, argument| format!("{:?}", sampler(name, argument));
        assert_eq!(chosen(None, None), "ParentBased(AlwaysOn)");
        assert_eq!(chosen(Some("always_off"), None), "AlwaysOff");
        assert_eq!(chosen(Some("traceidratio"), Some("0.25")), "TraceIdRatioBased(0.25)");
        assert_eq!(chosen(Some("parentbased_traceidratio"), Some("0.5")), "ParentBased(TraceIdRatioBased(0.5))");
        assert_eq!(chosen(Some("traceidratio"), Some("2")), "TraceIdRatioBased(1.0)");
        assert_eq!(chosen(Some("xray"), None), "ParentBased(AlwaysOn)");
    }
}
