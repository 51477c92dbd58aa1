//! `openapi.json` against the server: every route, every answer, every error, every key of a query.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::*;
use crate::api::routes::ROUTES;

fn document() -> Value {
    serde_json::from_str(read::OPENAPI).expect("JSON")
}

/// Path, method and operation of every operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in object(&document["paths"]) {
        for (method, operation) in object(item).iter().filter(|(key, _)| *key != "parameters") {
            operations.push((path.clone(), method.to_uppercase(), operation.clone()));
        }
    }
    operations
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object"))
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => resolve(document, document.pointer(&reference[1..]).expect("a reference that leads somewhere")),
        None => value,
    }
}

fn check(document: &Value, schema: &Value, instance: &Value, what: &str) {
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&whole).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}\n{instance:#}");
}

/// A request for an operation that succeeds, on a pipeline of this name.
fn good(path: &str, method: &str, operation: &Value, pipeline: &str) -> Ask {
    let mut path = path.replace("{pipeline}", pipeline).replace("{interceptor}", "i");
    if path == "/api/v1/logs" && pipeline != "p" {
        path.push_str(&format!("?pipeline={pipeline}"));
    }
    let ask = Ask::new(method, &path);
    let content = &operation["requestBody"]["content"];
    if content["application/wasm"].is_object() {
        return ask.body("application/wasm", *b"\0asm");
    }
    match content["application/json"]["schema"]["$ref"].as_str() {
        Some("#/components/schemas/LetterChoice") => ask.body("application/json", *br#"{"ids":["1","9"]}"#),
        Some(_) => ask.body("application/json", *br#"{"to":"ab","why":"worse"}"#),
        None => ask,
    }
}

#[tokio::test]
async fn every_route_is_in_the_file_and_everything_in_the_file_is_a_route() {
    let documented: BTreeSet<(String, String)> = operations(&document()).into_iter().map(|(path, method, _)| (path, method)).collect();
    let served: BTreeSet<(String, String)> =
        ROUTES.iter().map(|route| (route.path.to_owned(), if route.is_change() { "POST" } else { "GET" }.to_owned())).collect();
    assert_eq!(documented, served);
}

#[tokio::test]
async fn every_answer_is_as_the_file_says_with_nothing_missing_and_nothing_more() {
    let document = document();
    let running = Running::start(&Settings::default()).await;
    for (path, method, operation) in operations(&document) {
        let what = format!("{method} {path}");
        let answer = running.ask(good(&path, &method, &operation, "p")).await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        let (media_type, content) = object(&operation["responses"]["200"]["content"]).iter().next().expect("a media type");
        assert!(answer.head.contains(&format!("content-type: {media_type}")), "{what}: {answer:?}");
        let instances: Vec<Value> = match media_type.as_str() {
            "application/json" => vec![answer.json()],
            "text/event-stream" => {
                let lines = answer.body.lines().filter_map(|line| line.strip_prefix("data: "));
                lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
            }
            _ => vec![Value::String(answer.body)],
        };
        assert!(!instances.is_empty(), "{what}");
        for instance in &instances {
            check(&document, &content["schema"], instance, &what);
            let missing = missing(&document, &content["schema"], instance);
            assert!(missing.is_empty() || path == "/version", "{what} is documented with {missing:?}, and has\n{instance:#}");
        }
        let schema = resolve(&document, &content["schema"]);
        let kinds = schema["oneOf"].as_array().map_or(1, Vec::len);
        let seen: BTreeSet<&str> = instances.iter().filter_map(|instance| instance["type"].as_str()).collect();
        assert!(kinds == 1 || seen.len() == kinds, "{what}: {seen:?} of {kinds}");
    }
}

/// Properties of the schema that the first instance of each has not; the fake fills all.
fn missing(document: &Value, schema: &Value, instance: &Value) -> Vec<String> {
    let schema = resolve(document, schema);
    if let Some(kinds) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        let fits = |kind: &&Value| {
            let mut whole = (*kind).clone();
            whole["components"] = document["components"].clone();
            jsonschema::is_valid(&whole, instance)
        };
        return kinds.iter().find(fits).map(|kind| missing(document, kind, instance)).unwrap_or_default();
    }
    if let Some(first) = instance.as_array().and_then(|items| items.first()) {
        return missing(document, &schema["items"], first);
    }
    let mut found = Vec::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        match &instance[name] {
            Value::Null => found.push(name.clone()),
            value => found.extend(missing(document, property, value)),
        }
    }
    // Of a roll-back, what was admitted is in memory already.
    found.retain(|name| !(instance["admission"].is_null() && ["admission", "first_batch", "trial_ends"].contains(&name.as_str())));
    found
}

#[test]
fn a_schema_allows_no_field_that_it_does_not_name() {
    fn walk(value: &Value, path: &str) {
        if value["properties"].is_object() && value["type"] == "object" {
            assert_eq!(value["additionalProperties"], false, "{path}");
        }
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| walk(value, &format!("{path}/{key}"))),
            Value::Array(items) => items.iter().for_each(|value| walk(value, path)),
            _ => {}
        }
    }
    walk(&document()["components"]["schemas"], "");
}

#[tokio::test]
async fn every_documented_error_is_given_and_is_a_problem() {
    let document = document();
    let (open, guarded) = (Running::start(&Settings::default()).await, Running::start(&guarded()).await);
    for (path, method, operation) in operations(&document) {
        for (status, response) in object(&operation["responses"]).iter().filter(|(status, _)| *status != "200") {
            let ask = |pipeline| good(&path, &method, &operation, pipeline);
            // A reload has no name to choose its end by.
            let has_name = path.contains("{pipeline}") || path == "/api/v1/logs";
            let (server, ask) = match status.as_str() {
                "400" => (&open, Ask { headers: Vec::new(), ..ask("p") }),
                "401" => (&guarded, ask("p")),
                "403" => (&open, ask("p").host("attacker.example")),
                "404" if has_name => (&open, ask("not-found")),
                "409" if has_name => (&open, ask("conflict")),
                "413" => (&open, Ask { body: Vec::new(), ..ask("p") }.header("Content-Length: 1073741824")),
                "415" if operation["requestBody"].is_object() => (&open, {
                    let mut ask = ask("p");
                    ask.headers.truncate(1);
                    ask.body("text/plain", *b"x")
                }),
                "422" if has_name => (&open, ask("unprocessable")),
                "429" if has_name => (&open, ask("busy")),
                "500" if has_name && !path.ends_with("{pipeline}") => (&open, ask("panic")),
                "503" if has_name && !path.ends_with("{pipeline}") => (&open, ask("unavailable")),
                "504" if has_name => (&open, ask("deadline")),
                // What takes time or another agent is in the other tests.
                _ => continue,
            };
            let what = format!("{status} of {method} {path}");
            let answer = server.ask(ask).await;
            assert_eq!(answer.status.to_string(), *status, "{what}: {answer:?}");
            let response = resolve(&document, response);
            check(&document, &response["content"]["application/problem+json"]["schema"], &answer.json(), &what);
            assert!(answer.head.contains("content-type: application/problem+json"), "{what}: {answer:?}");
            assert!(answer.head.contains("connection: close"), "{what}: {answer:?}");
            assert_eq!(answer.json()["status"], answer.status, "{what}");
            for header in response["headers"].as_object().into_iter().flat_map(Map::keys) {
                assert!(answer.head.contains(&format!("{}: ", header.to_ascii_lowercase())), "{what}: {answer:?}");
            }
        }
        let wrong = if method == "GET" { "POST" } else { "GET" };
        let answer = open.ask(Ask::new(wrong, &path.replace(['{', '}'], ""))).await;
        assert_eq!(answer.status, 405, "{wrong} {path}: {answer:?}");
        assert!(answer.head.contains(&format!("allow: {}", method.to_ascii_lowercase())), "{answer:?}");
        check(&document, &json!({ "$ref": "#/components/schemas/Problem" }), &answer.json(), &path);
    }
    assert_eq!(open.get("/api/v1/nothing").await.status, 404);
    assert_eq!(guarded.get("/api/v1/nothing").await.status, 401, "who may ask nothing learns nothing");
}

#[tokio::test]
async fn the_keys_of_every_query_are_the_documented_ones() {
    let document = document();
    let running = Running::start(&Settings::default()).await;
    for (path, method, operation) in operations(&document) {
        if !path.starts_with("/api/") {
            continue;
        }
        let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query").collect();
        let mut ask = good(&path, &method, &operation, "p");
        ask.path.push_str("?surely-unknown=1");
        let answer = running.ask(ask).await;
        assert_eq!(answer.status, 400, "{method} {path}");
        let detail = answer.detail();
        let (unknown, known) = detail.split_once("; there may be: ").unwrap_or_else(|| panic!("{detail}"));
        assert!(unknown.contains("surely-unknown"), "{detail}");
        let known: BTreeSet<&str> = known.split(", ").filter(|name| *name != "nothing").collect();
        let documented: BTreeSet<&str> = parameters.iter().filter_map(|one| one["name"].as_str()).collect();
        assert_eq!(known, documented, "{method} {path}");

        let mut ask = good(&path, &method, &operation, "p");
        let values = parameters.iter().map(|one| {
            let name = one["name"].as_str().expect("a name");
            let value = match (name, one["schema"]["type"].as_str()) {
                ("level", _) => "warn",
                ("wait", _) => "5s",
                (_, Some("boolean")) => "false",
                (_, Some("integer")) => "1",
                _ => "a%20b",
            };
            format!("{name}={value}")
        });
        ask.path.push_str(&format!("?{}", values.collect::<Vec<_>>().join("&")));
        let answer = running.ask(ask).await;
        assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
    }
    let queries = running.fake.queries.lock().expect("no panic").join("\n");
    for part in [
        "contains: Some(\"a b\")",
        "after: Some(\"a b\"), limit: Some(1), ids: [\"a b\"]",
        "level: Some(\"warn\")",
        "source: Some(\"a b\")",
    ] {
        assert!(queries.contains(part), "{part} is not in\n{queries}");
    }
}

#[tokio::test]
async fn a_swap_arrives_as_it_was_sent() {
    let running = Running::start(&guarded()).await;
    let path = "/api/v1/interceptors/i%2F1/int-1/swap?source=r1&name=score.wasm&expected=abcd&why=faster%2C+we+hope&wait=3s&trial=false";
    let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "untrusted comment: x\nRW");
    let component: Vec<u8> = (0..3_000_000_u32).map(|index| u8::try_from(index % 251).expect("small")).collect();
    let ask = Ask::post(path).token(OPERATOR).header(&format!("Weir-Signature: {signature}")).body("application/wasm", component.clone());
    let answer = running.ask(ask).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json(), serde_json::to_value(fake::swap_report()).expect("JSON"));
    let proposal = running.fake.proposals.lock().expect("no panic").pop().expect("a proposal");
    assert_eq!(proposal.component, component);
    assert_eq!(proposal.signature.as_deref(), Some("untrusted comment: x\nRW"));
    assert_eq!((proposal.name.as_str(), proposal.why.as_str()), ("score.wasm", "faster, we hope"));
    assert_eq!(proposal.expected.as_deref(), Some("abcd"));
    assert_eq!(proposal.wait, Some(std::time::Duration::from_secs(3)));
    assert!(!proposal.trial);
    let changes = running.fake.changes.lock().expect("no panic").clone();
    assert_eq!(changes, [("i/1".to_owned(), "otto".to_owned())]);
}
