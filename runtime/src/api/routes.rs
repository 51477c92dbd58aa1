//! What there is: one table.

use hyper::{Method, StatusCode};

use super::query::{Query, decode};
use crate::control::Target;
use crate::http::Problem;

/// A path and a method, and what is behind them.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) path: &'static str,
    pub(super) action: Action,
}

/// What is behind a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Page(Page),
    Read(Read),
    Change(Change),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    OpenApi,
    Status,
    Pipeline,
    History,
    Tap,
    Logs,
    Letters,
}

/// What is at the root, for whom the API is not made: probes and scrapers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Livez,
    Readyz,
    Metrics,
    Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Pause,
    Resume,
    Reload,
    Swap,
    Rollback,
    ReplayLetters,
    DropLetters,
}

const fn page(path: &'static str, page: Page) -> Route {
    Route { path, action: Action::Page(page) }
}

const fn get(path: &'static str, read: Read) -> Route {
    Route { path, action: Action::Read(read) }
}

const fn post(path: &'static str, change: Change) -> Route {
    Route { path, action: Action::Change(change) }
}

/// All there is.
pub(super) static ROUTES: [Route; 18] = [
    page("/livez", Page::Livez),
    page("/readyz", Page::Readyz),
    page("/metrics", Page::Metrics),
    page("/version", Page::Version),
    get("/api/v1/openapi.json", Read::OpenApi),
    get("/api/v1/status", Read::Status),
    get("/api/v1/pipelines/{pipeline}", Read::Pipeline),
    post("/api/v1/pipelines/{pipeline}/pause", Change::Pause),
    post("/api/v1/pipelines/{pipeline}/resume", Change::Resume),
    post("/api/v1/reload", Change::Reload),
    get("/api/v1/interceptors/{pipeline}/{interceptor}/history", Read::History),
    post("/api/v1/interceptors/{pipeline}/{interceptor}/swap", Change::Swap),
    post("/api/v1/interceptors/{pipeline}/{interceptor}/rollback", Change::Rollback),
    get("/api/v1/interceptors/{pipeline}/{interceptor}/tap", Read::Tap),
    get("/api/v1/logs", Read::Logs),
    get("/api/v1/pipelines/{pipeline}/dead-letters", Read::Letters),
    post("/api/v1/pipelines/{pipeline}/dead-letters/replay", Change::ReplayLetters),
    post("/api/v1/pipelines/{pipeline}/dead-letters/drop", Change::DropLetters),
];

impl Route {
    pub(super) fn is_change(&self) -> bool {
        matches!(self.action, Action::Change(_))
    }

    /// Open to all: what is to say whether the agent lives must not need a secret.
    pub(super) fn is_probe(&self) -> bool {
        matches!(self.action, Action::Page(Page::Livez | Page::Readyz))
    }

    /// The methods it answers, as `Allow` has them.
    pub(super) fn allowed(&self) -> &'static str {
        match self.action {
            Action::Change(_) => "POST",
            // Reading the head of a stream would open the stream.
            Action::Read(Read::Tap | Read::Logs) => "GET",
            Action::Page(_) | Action::Read(_) => "GET, HEAD",
        }
    }

    fn answers(&self, method: &Method) -> bool {
        match self.action {
            Action::Change(_) => *method == Method::POST,
            Action::Read(Read::Tap | Read::Logs) => *method == Method::GET,
            Action::Page(_) | Action::Read(_) => *method == Method::GET || *method == Method::HEAD,
        }
    }

    /// The raw names that stand for the template's, if the path is one of this route.
    fn matches<'a>(&self, path: &'a str) -> Option<Vec<&'a str>> {
        let mut names = Vec::new();
        let mut segments = path.split('/');
        for expected in self.path.split('/') {
            let segment = segments.next()?;
            match expected.starts_with('{') {
                true if segment.is_empty() => return None,
                true => names.push(segment),
                false if segment != expected => return None,
                false => {}
            }
        }
        segments.next().is_none().then_some(names)
    }
}

/// What a method and a path lead to.
#[derive(Debug)]
pub(super) enum Found {
    /// A route, and the raw names in its path.
    Route(&'static Route, Vec<String>),
    /// A path that answers these methods only.
    Path(&'static str),
    /// Nothing.
    Nothing,
}

impl Found {
    /// What metrics call it.
    pub(super) fn template(&self) -> &'static str {
        match self {
            Found::Route(route, _) => route.path,
            Found::Path(_) | Found::Nothing => "other",
        }
    }
}

/// Finds a route. No two of the table fit one path.
pub(super) fn find(method: &Method, path: &str) -> Found {
    let Some((route, names)) = ROUTES.iter().find_map(|route| Some((route, route.matches(path)?))) else { return Found::Nothing };
    match route.answers(method) {
        true => Found::Route(route, names.into_iter().map(str::to_owned).collect()),
        false => Found::Path(route.allowed()),
    }
}

/// The names in a path.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) pipeline: String,
    pub(super) interceptor: String,
}

impl Names {
    /// Undoes the percent-encoding; what a route does not have stays empty.
    pub(super) fn decode(raw: &[String]) -> Result<Names, Problem> {
        let broken = || Problem::new(StatusCode::BAD_REQUEST, "a name in the path is not percent-encoded UTF-8");
        let name = |index: usize| raw.get(index).map_or(Some(String::new()), |name| decode(name, false)).ok_or_else(broken);
        Ok(Names { pipeline: name(0)?, interceptor: name(1)? })
    }

    /// The interceptor, whose source may be in the query.
    pub(super) fn target(self, query: &mut Query) -> Result<Target, Problem> {
        Ok(Target { pipeline: self.pipeline, source: query.text("source")?, interceptor: self.interceptor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_one_route_at_most() {
        for route in &ROUTES {
            let path = route.path.replace(['{', '}'], "");
            assert_eq!(ROUTES.iter().filter(|other| other.matches(&path).is_some()).count(), 1, "{path}");
        }
    }

    #[test]
    fn names_are_taken_from_the_path_and_nothing_is_taken_for_a_name() {
        let names = |path: &str| match find(&Method::POST, path) {
            Found::Route(_, names) => Some(names),
            _ => None,
        };
        assert_eq!(names("/api/v1/interceptors/p/i%2F1/swap"), Some(vec!["p".to_owned(), "i%2F1".to_owned()]));
        for path in
            ["/api/v1/pipelines//pause", "/api/v1/pipelines/p/pause/", "/api/v1/pipelines/../../pause", "//api/v1/reload", "api/v1/reload"]
        {
            assert_eq!(names(path), None, "{path}");
        }
        assert!(matches!(find(&Method::GET, "/api/v1/reload"), Found::Path("POST")));
        assert!(matches!(find(&Method::HEAD, "/api/v1/logs"), Found::Path("GET")));
        let names = Names::decode(&["a".to_owned(), "i%2F1".to_owned()]).expect("names");
        assert_eq!((names.pipeline.as_str(), names.interceptor.as_str()), ("a", "i/1"));
        assert!(Names::decode(&["%ff".to_owned()]).is_err());
    }
}
