//! The API's routes, a function each.

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::exchange::Ask;
use super::{Answer, Client, Error, Stream};
use crate::control::Target;
use crate::control::letters::{LetterChoice, LetterPage, LetterQuery, LettersDropped, LettersReplayed};
use crate::control::logs::{LogItem, LogQuery};
use crate::control::status::{AgentStatus, PipelineStatus};
use crate::control::swap::{History, Proposal, ReloadReport, RollbackRequest, SwapReport};
use crate::control::tap::{TapItem, TapRequest};

/// What stands in a path or a query as it is (RFC 3986, "unreserved"); everything else is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Client {
    /// `GET /api/v1/status`.
    ///
    /// # Errors
    /// [`Error`], as with every function here.
    pub async fn status(&self) -> Result<Answer<AgentStatus>, Error> {
        self.call(get("/api/v1/status".to_owned())).await
    }

    /// `GET /api/v1/pipelines/{pipeline}`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn pipeline(&self, pipeline: &str) -> Result<Answer<PipelineStatus>, Error> {
        self.call(get(of_pipeline(pipeline, ""))).await
    }

    /// `POST /api/v1/pipelines/{pipeline}/pause`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn pause(&self, pipeline: &str) -> Result<Answer<PipelineStatus>, Error> {
        self.call(post(of_pipeline(pipeline, "/pause"))).await
    }

    /// `POST /api/v1/pipelines/{pipeline}/resume`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn resume(&self, pipeline: &str) -> Result<Answer<PipelineStatus>, Error> {
        self.call(post(of_pipeline(pipeline, "/resume"))).await
    }

    /// `POST /api/v1/reload`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn reload(&self) -> Result<Answer<ReloadReport>, Error> {
        self.call(post("/api/v1/reload".to_owned())).await
    }

    /// `GET /api/v1/interceptors/{pipeline}/{interceptor}/history`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn history(&self, target: &Target, most: usize) -> Result<Answer<History>, Error> {
        let query = Query::of(target).set("limit", Some(most));
        self.call(get(query.behind(of_interceptor(target, "/history")))).await
    }

    /// `POST /api/v1/interceptors/{pipeline}/{interceptor}/swap`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn swap(&self, target: &Target, proposal: Proposal) -> Result<Answer<SwapReport>, Error> {
        let wait = proposal.wait.map(humantime_serde::re::humantime::format_duration).map(|wait| wait.to_string().replace(' ', ""));
        let query = Query::of(target)
            .set("name", Some(&proposal.name))
            .set("expected", proposal.expected)
            .set("why", Some(&proposal.why).filter(|why| !why.is_empty()))
            .set("wait", wait)
            .set("trial", Some(proposal.trial));
        let mut ask = post(query.behind(of_interceptor(target, "/swap")));
        ask.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/wasm")));
        if let Some(signature) = proposal.signature {
            let encoded = HeaderValue::try_from(STANDARD.encode(signature));
            let encoded = encoded.map_err(|_| Error::Option("the signature does not fit in a header".to_owned()))?;
            ask.headers.push((HeaderName::from_static("weir-signature"), encoded));
        }
        ask.body = proposal.component.into();
        self.call(ask).await
    }

    /// `POST /api/v1/interceptors/{pipeline}/{interceptor}/rollback`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn rollback(&self, target: &Target, request: &RollbackRequest) -> Result<Answer<SwapReport>, Error> {
        self.call(with_json(Query::of(target).behind(of_interceptor(target, "/rollback")), request)?).await
    }

    /// `GET /api/v1/interceptors/{pipeline}/{interceptor}/tap`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn tap(&self, target: &Target, request: &TapRequest) -> Result<Stream<TapItem>, Error> {
        let query = Query::of(target)
            .set("limit", request.limit)
            .set("rate", request.rate)
            .set("changed", Some(true).filter(|_| request.changed))
            .set("contains", request.contains.as_ref());
        self.stream(get(query.behind(of_interceptor(target, "/tap")))).await
    }

    /// `GET /api/v1/logs`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn logs(&self, query: &LogQuery) -> Result<Stream<LogItem>, Error> {
        let keys = Query::default()
            .set("pipeline", query.pipeline.as_ref())
            .set("interceptor", query.interceptor.as_ref())
            .set("level", query.level.as_ref())
            .set("limit", query.limit)
            .set("follow", Some(true).filter(|_| query.follow));
        self.stream(get(keys.behind("/api/v1/logs".to_owned()))).await
    }

    /// `GET /api/v1/pipelines/{pipeline}/dead-letters`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn letters(&self, pipeline: &str, query: &LetterQuery) -> Result<Answer<LetterPage>, Error> {
        let keys = Query::default()
            .set("after", query.after.as_ref())
            .set("limit", query.limit)
            .set("stage", query.stage.as_ref())
            .set("reason", query.reason.as_ref())
            .set("plugin", query.plugin.as_ref());
        let keys = query.ids.iter().fold(keys, |keys, id| keys.set("id", Some(id)));
        self.call(get(keys.behind(of_pipeline(pipeline, "/dead-letters")))).await
    }

    /// `POST /api/v1/pipelines/{pipeline}/dead-letters/replay`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn replay_letters(&self, pipeline: &str, choice: &LetterChoice) -> Result<Answer<LettersReplayed>, Error> {
        self.call(with_json(of_pipeline(pipeline, "/dead-letters/replay"), choice)?).await
    }

    /// `POST /api/v1/pipelines/{pipeline}/dead-letters/drop`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn drop_letters(&self, pipeline: &str, choice: &LetterChoice) -> Result<Answer<LettersDropped>, Error> {
        self.call(with_json(of_pipeline(pipeline, "/dead-letters/drop"), choice)?).await
    }
}

fn get(target: String) -> Ask {
    Ask { method: Method::GET, target, headers: Vec::new(), body: Bytes::new() }
}

fn post(target: String) -> Ask {
    Ask { method: Method::POST, ..get(target) }
}

fn with_json(target: String, body: &impl Serialize) -> Result<Ask, Error> {
    let body = serde_json::to_vec(body).map_err(|error| Error::Option(error.to_string()))?;
    Ok(Ask { headers: vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body: body.into(), ..post(target) })
}

fn of_pipeline(pipeline: &str, rest: &str) -> String {
    format!("/api/v1/pipelines/{}{rest}", encoded(pipeline))
}

fn of_interceptor(target: &Target, rest: &str) -> String {
    format!("/api/v1/interceptors/{}/{}{rest}", encoded(&target.pipeline), encoded(&target.interceptor))
}

fn encoded(text: &str) -> impl Display {
    utf8_percent_encode(text, ENCODED)
}

/// The keys behind a route's `?`.
#[derive(Debug, Default)]
struct Query(String);

impl Query {
    /// Which interceptor is meant, as far as the path does not say.
    fn of(target: &Target) -> Query {
        Query::default().set("source", target.source.as_ref())
    }

    fn set(mut self, key: &str, value: Option<impl Display>) -> Query {
        if let Some(value) = value {
            let sign = if self.0.is_empty() { '?' } else { '&' };
            self.0.push_str(&format!("{sign}{key}={}", encoded(&value.to_string())));
        }
        self
    }

    fn behind(self, mut route: String) -> String {
        route.push_str(&self.0);
        route
    }
}
