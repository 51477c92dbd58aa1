// Runs without WebAssembly: `weir-interceptor/testing` stands in for the agent.

import assert from "node:assert/strict";
import { test } from "node:test";

import { configure, judge } from "weir-interceptor/testing";

import {{pascal}} from "../src/index.js";

test("large events are marked with their size", () => {
  const [large, small] = judge(configure({{pascal}}, { limit: "3" }), ["four", { body: "two", key: "k" }]);
  assert.equal(large.header("large"), "4");
  assert.equal(small.fate, "kept");
  assert.deepEqual(small.headers, []);
});

test("events without a body are rejected", () => {
  const [judged] = judge(configure({{pascal}}), [null]);
  assert.deepEqual([judged.fate, judged.reason], ["rejected", "no body"]);
});
