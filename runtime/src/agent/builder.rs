//! What the agent needs of a pipeline: to build it, to run it, and to exchange its plugins while it runs. Tests put others in its place.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::config::spec::PipelineSpec;
use crate::control::{Caller, Target};
use crate::interceptor::spec;
use crate::pipeline::{self, Drain, Pipeline, Services};

/// Makes pipelines that have connected to nothing yet.
pub(super) trait Builder: Send + Sync {
    fn build<'a>(&'a self, spec: &'a PipelineSpec) -> BoxFuture<'a, Result<Built, pipeline::Error>>;
}

/// A pipeline that is built and does not run; dropping it undoes that.
pub(super) struct Built {
    pub(super) run: Run,
    /// How its plugins are exchanged; `None` where they cannot be, and a changed plugin restarts the pipeline.
    pub(super) in_place: Option<Arc<dyn InPlace>>,
}

/// Runs it until its drain.
pub(super) type Run = Box<dyn FnOnce(Drain) -> BoxFuture<'static, Result<(), pipeline::Error>> + Send>;

/// Exchanges plugins of a pipeline between two batches.
pub(super) trait InPlace: Send + Sync {
    /// Takes the new version in, off the data path; nothing changes until the commit. An error says what is wrong with it.
    fn prepare<'a>(&'a self, target: &'a Target, spec: &'a spec::Wasm) -> BoxFuture<'a, Result<Commit, String>>;
}

/// Puts a prepared version in place; the text says why, for the history. Dropped, it leaves all as it is.
pub(super) type Commit = Box<dyn FnOnce(&Caller, &str) + Send>;

impl Builder for Services {
    fn build<'a>(&'a self, spec: &'a PipelineSpec) -> BoxFuture<'a, Result<Built, pipeline::Error>> {
        Box::pin(async {
            let pipeline = Pipeline::build(spec, self).await?;
            Ok(Built { run: Box::new(|drain| Box::pin(pipeline.run(drain))), in_place: None })
        })
    }
}
