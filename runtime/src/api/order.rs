//! A change as it was asked for: read whole from its request, then given to the agent.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::access::hex;
use super::query::Query;
use super::routes::{Change, Names};
use super::{Api, Call, UPLOADS};
use crate::control::letters::LetterChoice;
use crate::control::swap::{Proposal, RollbackRequest, SwapReport};
use crate::control::{Caller, Control, Refusal, RefusalKind, Target};
use crate::http::{Problem, body};

/// Largest body but for a plugin, bytes.
const BODY: usize = 64 << 10;
/// Longest wait for the first batch after a swap: a part of the deadline, which admission is under as well.
const WAIT: Duration = Duration::from_secs(60);
/// The wait, unless asked otherwise.
const USUAL_WAIT: Duration = Duration::from_secs(10);

/// What is to be done.
pub(super) enum Order {
    Pause(String),
    Resume(String),
    Reload,
    Swap(Target, Proposal),
    Rollback(Target, RollbackRequest),
    ReplayLetters(String, LetterChoice),
    DropLetters(String, LetterChoice),
}

/// What came of it: the answer, and a sentence for the audit log.
pub(super) struct Done {
    pub(super) content: Vec<u8>,
    pub(super) detail: String,
}

impl Order {
    /// Reads a request. Its names and query first: a mistake there costs no upload.
    pub(super) async fn read(api: &Api, change: Change, call: Call) -> Result<Order, Problem> {
        let (head, content) = call.request.into_parts();
        let names = Names::decode(&call.names)?;
        let mut query = Query::parse(head.uri.query())?;
        match change {
            Change::Swap => {
                let target = names.target(&mut query)?;
                let mut proposal = proposal(&mut query, &head.headers)?;
                query.end()?;
                expect_type(&head.headers, &["application/wasm", "application/octet-stream"])?;
                proposal.component = upload(api, content).await?;
                Ok(Order::Swap(target, proposal))
            }
            Change::Rollback => {
                let target = names.target(&mut query)?;
                query.end()?;
                Ok(Order::Rollback(target, json(&head.headers, content).await?))
            }
            Change::ReplayLetters => {
                query.end()?;
                Ok(Order::ReplayLetters(names.pipeline, choice(&head.headers, content).await?))
            }
            Change::DropLetters => {
                query.end()?;
                Ok(Order::DropLetters(names.pipeline, choice(&head.headers, content).await?))
            }
            Change::Pause => nothing_more(query, content).await.map(|()| Order::Pause(names.pipeline)),
            Change::Resume => nothing_more(query, content).await.map(|()| Order::Resume(names.pipeline)),
            Change::Reload => nothing_more(query, content).await.map(|()| Order::Reload),
        }
    }

    /// The version it is about, for the audit log.
    pub(super) fn digest(&self) -> Option<String> {
        match self {
            Order::Swap(_, proposal) => Some(hex(&Sha256::digest(&proposal.component))),
            Order::Rollback(_, request) => request.to.clone(),
            _ => None,
        }
    }

    /// Has the agent do it.
    pub(super) async fn run(self, control: &dyn Control, caller: &Caller) -> Result<Done, Refusal> {
        match self {
            Order::Pause(pipeline) => {
                let status = control.pause(&pipeline, caller).await?;
                Done::new(&status, format!("{pipeline} is paused"))
            }
            Order::Resume(pipeline) => {
                let status = control.resume(&pipeline, caller).await?;
                Done::new(&status, format!("{pipeline} reads again"))
            }
            Order::Reload => {
                let report = control.reload(caller).await?;
                let changes: Vec<String> = report.changes.iter().map(|change| format!("{}: {:?}", change.path, change.result)).collect();
                Done::new(&report, changes.join(", "))
            }
            Order::Swap(target, proposal) => swapped(&control.swap(&target, proposal, caller).await?),
            Order::Rollback(target, request) => swapped(&control.rollback(&target, request, caller).await?),
            Order::ReplayLetters(pipeline, choice) => {
                let replayed = control.replay_letters(&pipeline, choice, caller).await?;
                Done::new(&replayed, format!("{} replayed, {} parked again", replayed.replayed, replayed.parked_again))
            }
            Order::DropLetters(pipeline, choice) => {
                let dropped = control.drop_letters(&pipeline, choice, caller).await?;
                Done::new(&dropped, format!("{} dropped", dropped.dropped))
            }
        }
    }
}

fn swapped(report: &SwapReport) -> Result<Done, Refusal> {
    Done::new(report, format!("{:?}, from {} to {}: {}", report.result, report.from.digest, report.to.digest, report.detail))
}

impl Done {
    fn new<T: Serialize>(answer: &T, detail: String) -> Result<Done, Refusal> {
        let content = serde_json::to_vec(answer);
        // It was done; only the answer is lost, and no type of the API has what JSON cannot hold.
        let content = content.map_err(|error| Refusal::new(RefusalKind::Unavailable, format!("done, but not to be told: {error}")))?;
        Ok(Done { content, detail })
    }
}

async fn nothing_more(query: Query, content: Incoming) -> Result<(), Problem> {
    query.end()?;
    match body::read(content, BODY).await?.is_empty() {
        true => Ok(()),
        false => Err(bad("no body is expected here")),
    }
}

fn proposal(query: &mut Query, headers: &HeaderMap) -> Result<Proposal, Problem> {
    Ok(Proposal {
        name: query.text("name")?.unwrap_or_else(|| "upload".to_owned()),
        component: Vec::new(),
        signature: signature(headers)?,
        expected: query.text("expected")?,
        why: query.text("why")?.unwrap_or_default(),
        wait: Some(query.duration("wait", WAIT)?.unwrap_or(USUAL_WAIT)),
        trial: query.flag("trial")?.unwrap_or(true),
    })
}

/// `Weir-Signature`: the text of a `.minisig` file in base64.
fn signature(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(sent) = headers.get("weir-signature") else { return Ok(None) };
    let text = STANDARD.decode(sent.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some).ok_or_else(|| bad("the header Weir-Signature is not the base64 of a .minisig file's text"))
}

async fn upload(api: &Api, content: Incoming) -> Result<Vec<u8>, Problem> {
    let busy = |_| Problem::new(StatusCode::TOO_MANY_REQUESTS, format!("{UPLOADS} plugins are being uploaded already"));
    let _turn = api.uploads.try_acquire().map_err(busy)?;
    let component = body::read(content, api.served.component_cap).await?;
    if component.is_empty() {
        return Err(bad("the body is empty: it must be the component"));
    }
    Ok(component)
}

async fn choice(headers: &HeaderMap, content: Incoming) -> Result<LetterChoice, Problem> {
    let choice: LetterChoice = json(headers, content).await?;
    if choice.ids.is_empty() && !choice.all {
        return Err(bad("which dead letters? name `ids`, or say `\"all\": true`"));
    }
    Ok(choice)
}

/// A body that may be missing.
async fn json<T: DeserializeOwned + Default>(headers: &HeaderMap, content: Incoming) -> Result<T, Problem> {
    let content = body::read(content, BODY).await?;
    if content.is_empty() {
        return Ok(T::default());
    }
    expect_type(headers, &["application/json"])?;
    // Serde would take an array for an object, its values by their order.
    if !content.trim_ascii_start().starts_with(b"{") {
        return Err(bad("the body is not a JSON object"));
    }
    serde_json::from_slice(&content).map_err(|error| bad(&format!("the body is not what is expected here: {error}")))
}

/// A type that is said must be the right one; a form of a web page cannot say it.
fn expect_type(headers: &HeaderMap, allowed: &[&str]) -> Result<(), Problem> {
    let Some(sent) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let sent = sent.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if allowed.iter().any(|allowed| sent.eq_ignore_ascii_case(allowed)) {
        return Ok(());
    }
    let detail = format!("the body must be {}, not {sent:?}", allowed.join(" or "));
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}
