//! Every name that OpenTelemetry sees. `messaging.*` follows the semantic conventions 1.44, where all of it is still in development; what they
//! have no word for is `weir.*`.

/// Instrumentation scope.
pub(super) const SCOPE: &str = "weir";

/// First word of a batch's span, before its topic; also the operation.
pub(super) const PROCESS: &str = "process";
/// First word of an interceptor's span, before its name.
pub(super) const INTERCEPT: &str = "intercept";

pub(super) const SYSTEM: &str = "messaging.system";
/// Value of [`SYSTEM`].
pub(super) const KAFKA: &str = "kafka";
pub(super) const OPERATION_NAME: &str = "messaging.operation.name";
pub(super) const OPERATION_TYPE: &str = "messaging.operation.type";
pub(super) const DESTINATION: &str = "messaging.destination.name";
pub(super) const MESSAGE_COUNT: &str = "messaging.batch.message_count";

pub(super) const PIPELINE: &str = "weir.pipeline";
pub(super) const SOURCE: &str = "weir.source";
pub(super) const INTERCEPTOR: &str = "weir.interceptor";
pub(super) const PLUGIN_NAME: &str = "weir.plugin.name";
pub(super) const PLUGIN_VERSION: &str = "weir.plugin.version";
pub(super) const PLUGIN_DIGEST: &str = "weir.plugin.digest";
/// Events that went on, those derived among them.
pub(super) const PASSED: &str = "weir.events.passed";
pub(super) const DISCARDED: &str = "weir.events.discarded";
pub(super) const REJECTED: &str = "weir.events.rejected";

/// Resource attributes.
pub(super) const SERVICE_NAME: &str = "service.name";
pub(super) const SERVICE_VERSION: &str = "service.version";

/// Record headers of W3C Trace Context.
pub(super) const TRACEPARENT: &[u8] = b"traceparent";
pub(super) const TRACESTATE: &[u8] = b"tracestate";
