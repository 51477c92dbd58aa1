//! What changes something: each call in a task of its own, under a deadline, and written to the audit log whatever comes of it.

use std::sync::Arc;

use hyper::{Response, StatusCode};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::order::{Done, Order};
use super::routes::Change;
use super::{Api, Call, audit, panicked, too_late};
use crate::control::{DEADLINE, Refusal};
use crate::http::body::whole;
use crate::http::{Body, Problem};

pub(super) async fn run(api: Arc<Api>, change: Change, call: Call) -> Result<Response<Body>, Problem> {
    let template = call.route.path;
    // A caller who hangs up drops this future; the task goes on, so that nothing is left half done and its line is written.
    let task = tokio::spawn(audited(api, change, call));
    task.await.unwrap_or_else(|_| Err(panicked(template)))
}

async fn audited(api: Arc<Api>, change: Change, call: Call) -> Result<Response<Body>, Problem> {
    let mut entry = audit::Entry::of(&call.request, call.peer.remote);
    let answer = attempt(&api, change, call, &mut entry).await;
    match &answer {
        Ok(done) => entry.end(StatusCode::OK.as_u16(), &done.detail),
        // Its detail may quote the request.
        Err(problem) if problem.status == StatusCode::BAD_REQUEST.as_u16() => entry.end(problem.status, &problem.title),
        Err(problem) => entry.end(problem.status, &problem.detail),
    }
    api.served.audit.write(entry).await;
    answer.map(|done| whole(StatusCode::OK, "application/json", done.content))
}

async fn attempt(api: &Arc<Api>, change: Change, call: Call, entry: &mut audit::Entry) -> Result<Done, Problem> {
    let deadline = Instant::now() + DEADLINE;
    let template = call.route.path;
    let caller = api.admit(&call.request, &call.peer, Some(call.route))?;
    entry.caller = Some(caller.name.clone());
    let order = Order::read(api, change, call).await?;
    // Some milliseconds for the largest plugin, between which a data path on the same thread waits no longer than for a batch.
    entry.digest = order.digest();
    let control = api.control().clone();
    entry.reached = true;
    let mut begun = tokio::spawn(async move { order.run(&*control, &caller).await });
    match timeout_at(deadline, &mut begun).await {
        Ok(Ok(done)) => Ok(done?),
        Ok(Err(_)) => Err(panicked(template)),
        Err(_) => {
            tokio::spawn(follow(api.clone(), entry.clone(), begun));
            Err(too_late())
        }
    }
}

/// Writes down what became of a change whose caller was told that it takes too long.
async fn follow(api: Arc<Api>, mut entry: audit::Entry, begun: JoinHandle<Result<Done, Refusal>>) {
    let ended = match begun.await {
        Ok(done) => done.map_err(Problem::from),
        Err(_) => Err(panicked("a change past its deadline")),
    };
    let (status, detail) = match ended {
        Ok(done) => (StatusCode::OK.as_u16(), done.detail),
        Err(problem) => (problem.status, problem.detail),
    };
    entry.end(status, &format!("after its deadline: {detail}"));
    api.served.audit.write(entry).await;
}
