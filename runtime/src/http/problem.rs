//! An error as the client gets it: RFC 9457, `application/problem+json`.

use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::body::{self, Body};

/// Media type of a problem.
const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`: the status says what kind it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What is wrong, in a sentence a person can act on.
    pub detail: String,
    /// All that is wrong, where that is more than one thing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    // Boxed, as it is there seldom and makes every result larger.
    #[serde(skip)]
    headers: Option<Box<HeaderMap>>,
}

impl Problem {
    /// A problem of this status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            problems: Vec::new(),
            headers: None,
        }
    }

    /// With all that is wrong.
    #[must_use]
    pub fn problems(mut self, problems: Vec<String>) -> Problem {
        self.problems = problems;
        self
    }

    /// With a header that belongs to the status.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.headers.get_or_insert_default().insert(name, value);
        self
    }

    /// The answer.
    pub fn into_response(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let content = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = body::whole(status, MEDIA_TYPE, content);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().extend(self.headers.into_iter().flat_map(|headers| *headers));
        response
    }
}
