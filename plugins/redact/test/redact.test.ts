// What is masked, what is left alone, and that JSON stays JSON.

import assert from "node:assert/strict";
import { test } from "node:test";

import { configure, type Given, judge, watched } from "weir-interceptor/testing";

import Redact from "../src/index.ts";

function redacted(body: string | Uint8Array | null, settings: Record<string, string> = {}, headers: Given["headers"] = {}) {
  const [judged] = judge(configure(Redact, settings), [{ body, headers }]);
  assert.ok(judged);
  return judged;
}

const text = (body: string, settings: Record<string, string> = {}) => redacted(body, settings).bodyText;

test("card numbers are masked but for their last digits", () => {
  assert.equal(text("paid with 4111111111111111."), "paid with ************1111.");
  assert.equal(text("4111 1111 1111 1111 and 5500-0000-0000-0004"), "**** **** **** 1111 and ****-****-****-0004");
  assert.equal(text("Amex 378282246310005", { keep_last: "0", mask: "#" }), "Amex ###############");
  assert.equal(text("order 1234 4111 1111 1111 1111 12"), "order 1234 **** **** **** 1111 12");
});

test("what is no card number is left alone", () => {
  for (const other of ["4111111111111112", "0000000000000000", "a4111111111111111", "41111111111111110000", "2024-01-02 03:04:05", "_4111111111111111"]) {
    assert.equal(text(other), other);
  }
});

test("addresses are masked before their domain, or whole", () => {
  assert.equal(text("Write to jörg.o'neil+x@mail.example.com."), "Write to ***@mail.example.com.");
  assert.equal(text("a@b.se,c@d.no", { keep_domain: "false" }), "***@***,***@***");
  for (const other of ["@home", "a@b", "a@@b", "a@.se", "x @ y.se"]) assert.equal(text(other), other);
});

test("JSON stays JSON, as it was written", () => {
  const body = '{ "card": 4111111111111111, "n": 1.50, "who": "a\\u0040b.se", "in": ["4111 1111 1111 1111", {"k@e.y": "\\"x@y.se\\""}] }';
  const masked = text(body);
  assert.equal(masked, '{ "card": "************1111", "n": 1.50, "who": "***@b.se", "in": ["**** **** **** 1111", {"k@e.y": "\\"***@y.se\\""}] }');
  JSON.parse(masked ?? "");
});

test("with fields named only those are looked through", () => {
  const body = '{"a":{"b/c":["x@y.se","x@y.se"]},"d":"x@y.se"}';
  assert.equal(text(body, { fields: "/a/b~1c/1" }), '{"a":{"b/c":["x@y.se","***@y.se"]},"d":"x@y.se"}');
  assert.equal(text(body, { fields: "/a" }), '{"a":{"b/c":["***@y.se","***@y.se"]},"d":"x@y.se"}');
  assert.equal(text("no json x@y.se", { fields: "/a" }), "no json x@y.se");
});

test("headers are looked through where they are named", () => {
  const judged = redacted("x", { headers: "from,to" }, { from: "a@b.se", other: "a@b.se" });
  assert.deepEqual([judged.header("from"), judged.header("other"), judged.header("to")], ["***@b.se", "a@b.se", null]);
});

test("what cannot be looked through is rejected, unless the settings say otherwise", () => {
  const binary = Uint8Array.of(0xff);
  assert.equal(redacted(binary).reason, "the body is not UTF-8, so what is in it cannot be masked");
  assert.equal(redacted(binary, { binary: "keep" }).fate, "kept");
  assert.equal(redacted(binary, { body: "false" }).fate, "kept");
  assert.equal(redacted(null).fate, "kept");
});

test("what is masked is counted", () => {
  const seen = watched(() => text("a@b.se 4111111111111111 c@d.no"));
  assert.deepEqual(seen.counters, { emails_masked: 2, cards_masked: 1 });
});

test("long runs take no longer for what is in them", () => {
  for (const long of ["a".repeat(300_000) + "@", "1 ".repeat(20_000), "@".repeat(100_000), "[".repeat(50_000) + "]".repeat(50_000) + "@"]) text(long);
});

test("settings that make no sense are refused", () => {
  const wrong: [Record<string, string>, string][] = [
    [{ kinds: "phone" }, "`kinds` must be of `card` and `email`, not `phone`"],
    [{ fields: "card" }, "`fields` must be JSON pointers, such as `/card/number`, not `card`"],
    [{ keep_last: "6" }, "`keep_last` must be 0 to 4, not 6"],
    [{ mask: "**" }, "`mask` must be one character, and none that JSON escapes"],
    [{ binary: "drop" }, "`binary` must be `keep` or `reject`, not `drop`"],
  ];
  for (const [settings, message] of wrong) assert.throws(() => configure(Redact, settings), { message });
});
