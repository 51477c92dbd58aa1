// The SDK follows wit/interceptor.wit: what it says there is what the SDK hands over and calls, name by name and type by type.
//
// Where a test here fails, the contract has changed: follow it in src/, then in KNOWN.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Changes } from "../src/changes.js";
import { Interceptor, optional } from "../src/index.js";
import { Runner } from "../src/runner.js";

/** Every record, function and enum the SDK was written for. */
const KNOWN = {
  "world plugin": "import events; import logging; import counters; export interceptor;",
  "events record column": "bytes: list<u8>, ends: list<u32>, nulls: list<u32>",
  "events record number-column": "values: list<f64>, nulls: list<u32>",
  "events record header-table": "counts: list<u32>, names: column, values: column",
  "events record span": "offset: u32, len: u32",
  "events record edit": "event: u32, at: span",
  "events record header-edit": "event: u32, name: span, value: span",
  "events record derived": "event: u32, body: span, headers: list<tuple<span, span>>",
  "events record edits":
    "discards: list<u32>, rejects: list<edit>, set-headers: list<header-edit>, remove-headers: list<edit>, set-keys: list<edit>, clear-keys: list<u32>, set-bodies: list<edit>, clear-bodies: list<u32>, derived: list<derived>, bytes: list<u8>",
  "events func len": "() -> u32",
  "events func timestamps": "() -> list<s64>",
  "events func keys": "() -> column",
  "events func bodies": "() -> column",
  "events func body-ranges": "(offset: u32, len: u32) -> column",
  "events func header": "(name: string) -> column",
  "events func headers": "() -> header-table",
  "events func json-texts": "(pointer: string) -> column",
  "events func json-numbers": "(pointer: string) -> number-column",
  "events func apply": "(edits: edits) -> result<_, string>",
  "interceptor record parameter": "name: string, description: string, required: bool, default: option<string>",
  "interceptor record description": "name: string, version: string, parameters: list<parameter>",
  "interceptor func describe": "() -> description",
  "interceptor func configure": "(settings: list<tuple<string, string>>) -> result<_, string>",
  "interceptor func intercept": "(events: borrow<batch>) -> result<_, string>",
  "logging enum level": "debug, info, warn, error",
  "logging func write": "(level: level, message: string)",
  "counters func add": "(name: string, by: u64)",
};

const wit = parse(readFileSync(new URL("../wit/interceptor.wit", import.meta.url), "utf8"));

function parse(source) {
  const text = source.replace(/\/\/.*$/gm, "").replace(/\s+/g, " ");
  const found = {};
  const note = (key, value) => (found[key] = value.trim().replace(/,$/, ""));
  for (const [, name, body] of text.matchAll(/world ([\w-]+) \{([^}]*)\}/g)) note(`world ${name}`, body);
  for (const [, name, rest] of text.matchAll(/interface ([\w-]+) \{(.*?)(?=interface |world |$)/g)) {
    for (const [, kind, type, body] of rest.matchAll(/(record|enum|variant|flags) ([\w-]+) \{([^}]*)\}/g)) note(`${name} ${kind} ${type}`, body);
    for (const [, func, signature] of rest.matchAll(/([\w-]+): func(\([^;]*);/g)) note(`${name} func ${func}`, signature);
  }
  return found;
}

const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
const fields = (record) => wit[record].split(/, (?=[\w-]+:)/).map((field) => camel(field.split(":")[0]));

test("the contract is the one the SDK was written for", () => {
  assert.deepEqual(wit, KNOWN);
});

test("edits have the fields of the contract", () => {
  const changes = new Changes();
  changes.setHeader(0, "name", "value");
  changes.derive(0, "body", { name: "value" });
  changes.key(0, "key");
  const edits = changes.finish();
  assert.deepEqual(Object.keys(edits), fields("events record edits"));
  assert.deepEqual(Object.keys(edits.setHeaders[0]), fields("events record header-edit"));
  assert.deepEqual(Object.keys(edits.derived[0]), fields("events record derived"));
  assert.deepEqual(Object.keys(edits.setKeys[0]), fields("events record edit"));
  assert.deepEqual(Object.keys(edits.setKeys[0].at), fields("events record span"));
});

test("the SDK calls the batch's functions and no others, with as many arguments", () => {
  class CallsEverything extends Interceptor {
    interceptBatch(batch) {
      const event = batch.at(0);
      void [event.body, event.key, event.timestamp, event.header("a"), event.headers(), event.jsonText("/a"), event.jsonNumber("/a"), batch.bodyRanges(0, 1)];
      event.setHeader("a", "b");
    }
  }
  const called = {};
  const runner = new Runner(CallsEverything, "name", "0.1.0");
  runner.configure([]);
  const none = { bytes: new Uint8Array(), ends: [0], nulls: [] };
  const answers = { len: 1, timestamps: [-1], headers: { counts: [0], names: none, values: none }, jsonNumbers: { values: [0], nulls: [0] } };
  const batch = new Proxy({}, { get: (_, name) => (...given) => ((called[name] = given.length), answers[name] ?? none) });
  runner.intercept(batch);
  const known = Object.keys(wit).filter((key) => key.startsWith("events func ")).map((key) => [camel(key.split(" ")[2]), (wit[key].match(/\w: /g) ?? []).length]);
  assert.deepEqual(Object.entries(called).sort(), known.sort());
});

test("a description has the fields of the contract", () => {
  class Described extends Interceptor {
    static parameters = [optional("a", "b", "c")];
  }
  const description = new Runner(Described, "name", "0.1.0").describe();
  assert.deepEqual(Object.keys(description), fields("interceptor record description"));
  assert.deepEqual(Object.keys(description.parameters[0]), fields("interceptor record parameter"));
});

test("the log has the levels of the contract", async () => {
  const { log } = await import("../src/index.js");
  assert.deepEqual(Object.keys(log), wit["logging enum level"].split(", "));
});

