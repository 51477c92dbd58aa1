//! What is asked and changes nothing.

use hyper::{Response, StatusCode};
use serde::Serialize;
use tokio::time::timeout;

use super::query::Query;
use super::routes::{Names, Read};
use super::{Api, Call, stream, too_late};
use crate::control::letters::LetterQuery;
use crate::control::logs::LogQuery;
use crate::control::tap::TapRequest;
use crate::control::{DEADLINE, Reply};
use crate::http::body::whole;
use crate::http::{Body, Problem};

/// Media type of an answer that is JSON.
const JSON: &str = "application/json";
/// What the API says of itself.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

/// Versions that a history has unless asked otherwise.
const HISTORY: usize = 50;
/// Most versions or letters of one answer.
const PAGE: usize = 1_000;
/// Most lines of the log that were there before.
const LINES: usize = 10_000;
/// Most events a second that a tap is asked for.
const RATE: u32 = 10_000;

pub(super) async fn run(api: &Api, read: Read, call: Call) -> Result<Response<Body>, Problem> {
    let names = Names::decode(&call.names)?;
    let query = Query::parse(call.request.uri().query())?;
    match read {
        Read::OpenApi => {
            query.end()?;
            Ok(whole(StatusCode::OK, JSON, OPENAPI))
        }
        Read::Status => {
            query.end()?;
            Ok(json(&api.control().status()))
        }
        Read::Pipeline => {
            query.end()?;
            let found = api.control().status().pipelines.into_iter().find(|pipeline| pipeline.name == names.pipeline);
            let missing = || Problem::new(StatusCode::NOT_FOUND, format!("there is no pipeline {:?}", names.pipeline));
            Ok(json(&found.ok_or_else(missing)?))
        }
        Read::History => history(api, names, query).await,
        Read::Letters => letters(api, names, query).await,
        Read::Tap => tap(api, names, query, call),
        Read::Logs => logs(api, query, call),
    }
}

async fn history(api: &Api, names: Names, mut query: Query) -> Result<Response<Body>, Problem> {
    let target = names.target(&mut query)?;
    let most = query.number("limit", 1..=PAGE)?.unwrap_or(HISTORY);
    query.end()?;
    within(api.control().history(&target, most)).await
}

async fn letters(api: &Api, names: Names, mut query: Query) -> Result<Response<Body>, Problem> {
    let asked = LetterQuery {
        after: query.text("after")?,
        limit: query.number("limit", 1..=PAGE)?,
        ids: query.all("id"),
        stage: query.text("stage")?,
        reason: query.text("reason")?,
        plugin: query.text("plugin")?,
    };
    query.end()?;
    within(api.control().letters(&names.pipeline, asked)).await
}

fn tap(api: &Api, names: Names, mut query: Query, call: Call) -> Result<Response<Body>, Problem> {
    let target = names.target(&mut query)?;
    let request = TapRequest {
        limit: query.number("limit", 1..=u64::MAX)?,
        rate: query.number("rate", 1..=RATE)?,
        changed: query.flag("changed")?.unwrap_or_default(),
        contains: query.text("contains")?,
    };
    query.end()?;
    let control = api.control();
    let place = stream::place(&api.streams)?;
    let listening = control.tap(&target, &request)?;
    Ok(stream::events(listening.items, place, call.peer.stopping))
}

fn logs(api: &Api, mut query: Query, call: Call) -> Result<Response<Body>, Problem> {
    let asked = LogQuery {
        pipeline: query.text("pipeline")?,
        interceptor: query.text("interceptor")?,
        level: query.text("level")?,
        limit: query.number("limit", 0..=LINES)?,
        follow: query.flag("follow")?.unwrap_or_default(),
    };
    query.end()?;
    let control = api.control();
    let place = stream::place(&api.streams)?;
    let reading = control.logs(&asked)?;
    Ok(stream::events(reading.items, place, call.peer.stopping))
}

async fn within<T: Serialize>(reply: Reply<'_, T>) -> Result<Response<Body>, Problem> {
    let answer = timeout(DEADLINE, reply).await.map_err(|_| too_late())??;
    Ok(json(&answer))
}

/// An answer in JSON, whose only failure would be a map with keys that are no strings.
pub(super) fn json<T: Serialize>(answer: &T) -> Response<Body> {
    match serde_json::to_vec(answer) {
        Ok(content) => whole(StatusCode::OK, JSON, content),
        Err(error) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
