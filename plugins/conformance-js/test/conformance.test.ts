// A command or two; the conformance suite has them all.

import assert from "node:assert/strict";
import { test } from "node:test";

import { configure, judge, type Judged, watched } from "weir-interceptor/testing";

import Conformance from "../src/index.ts";

function one(body: string | null, command: string, { mode = "event", ...headers }: Record<string, string> = {}): Judged {
  const [judged] = judge(configure(Conformance, { label: "here", mode }), [{ body, headers: { do: command, ...headers } }]);
  assert.ok(judged);
  return judged;
}

test("a command it does not know rejects the event", () => {
  assert.equal(one("", "dance").reason, "unknown command `dance`");
});

test("an echo says everything of an event", () => {
  assert.equal(one("b".repeat(65), "echo", { x: "y" }).bodyText, "key=null;timestamp=null;body=len:65;headers=646f=6563686f,78=79");
});

test("numbers are rounded half away from zero", () => {
  for (const [number, wanted] of [["-0.0005", "-1"], ["0.0005", "1"], ["0.0004", "0"], ["1e300", "9223372036854775807"]]) {
    assert.equal(one(`{"a":${number}}`, "json", { pointer: "/a" }).header("number"), wanted);
  }
});

test("a whole batch is numbered first", () => {
  const judged = one("0123456789", "range", { mode: "batch" });
  assert.deepEqual(["index", "of", "range"].map((name) => judged.header(name)), ["0", "1", "2345"]);
});

test("errors and counts reach the host", () => {
  assert.throws(() => one("no", "error"), { message: "no" });
  assert.deepEqual(watched(() => one("", "count")).counters, { seen: 1 });
});
