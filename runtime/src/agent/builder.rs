//! What the agent needs of a pipeline: to build it, to run it, and to exchange its plugins while it runs. Tests put others in its place.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::config::spec::PipelineSpec;
use crate::control::{Caller, Target};
use crate::interceptor::spec;
use crate::pipeline::{self, Controls, Drain, Pipeline, Services};

/// Makes pipelines that have connected to nothing yet.
pub(super) trait Builder: Send + Sync {
    fn build<'a>(&'a self, spec: &'a PipelineSpec) -> BoxFuture<'a, Result<Built, pipeline::Error>>;
}

/// A pipeline that is built and does not run; dropping it undoes that.
pub(super) struct Built {
    pub(super) run: Run,
    /// How its plugins are exchanged; `None` where they cannot be, and a changed plugin restarts the pipeline.
    pub(super) in_place: Option<Arc<dyn InPlace>>,
    /// What can be done to it while it runs; `None` for one that only pretends.
    pub(super) controls: Option<Controls>,
}

/// Runs it until its drain.
pub(super) type Run = Box<dyn FnOnce(Drain) -> BoxFuture<'static, Result<(), pipeline::Error>> + Send>;

/// Exchanges plugins of a pipeline between two batches.
pub(super) trait InPlace: Send + Sync {
    /// Takes the new version in, off the data path; nothing changes until the commit. An error says what is wrong with it.
    fn prepare<'a>(&'a self, target: &'a Target, spec: &'a spec::Wasm) -> BoxFuture<'a, Result<Commit, String>>;
}

/// Puts a prepared version in place; the text says why, for the history. Dropped, it leaves all as it is, and so it does where it fails.
pub(super) type Commit = Box<dyn FnOnce(Caller, String) -> BoxFuture<'static, Result<(), String>> + Send>;

impl Builder for Services {
    fn build<'a>(&'a self, spec: &'a PipelineSpec) -> BoxFuture<'a, Result<Built, pipeline::Error>> {
        Box::pin(async {
            let pipeline = Pipeline::build(spec, self).await?;
            let controls = pipeline.controls();
            let in_place = Some(Arc::new(controls.clone()) as Arc<dyn InPlace>);
            Ok(Built { run: Box::new(|drain| Box::pin(pipeline.run(drain))), in_place, controls: Some(controls) })
        })
    }
}

impl InPlace for Controls {
    fn prepare<'a>(&'a self, target: &'a Target, spec: &'a spec::Wasm) -> BoxFuture<'a, Result<Commit, String>> {
        Box::pin(async {
            let wasm = self.plugin(target).map_err(|refusal| refusal.detail)?;
            let prepared = wasm.prepare(spec).await.map_err(|refusal| refusal.detail)?;
            let commit = |caller: Caller, why: String| -> BoxFuture<'static, Result<(), String>> {
                Box::pin(async move {
                    let committed = wasm.commit(prepared, &caller.name, &why).await;
                    committed.map(drop).map_err(|refusal| refusal.detail)
                })
            };
            Ok(Box::new(commit) as Commit)
        })
    }
}
