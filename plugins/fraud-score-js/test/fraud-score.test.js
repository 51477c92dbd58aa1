// The rules, case by case; the same cases as in the other languages.

import assert from "node:assert/strict";
import { test } from "node:test";

import { configure, judge } from "weir-interceptor/testing";

import FraudScore from "../src/index.js";

const body = (card, amount, mcc, country) =>
  `{"id":"t-1","card":"${card}","amount":${amount},"currency":"EUR","merchant":"m","mcc":"${mcc}","country":"${country}","home":"SE","ts":1,"more":[1]}`;
const judged = (...bodies) => judge(configure(FraudScore), bodies);
const reason = (one) => judged(one)[0].reason;
const scores = (...bodies) => judged(...bodies).map((event) => event.header("fraud.score"));

test("points add up", () => {
  const marks = judged(body("1", "10", "5411", "SE"), body("2", "10", "5411", "NO"), body("3", "500", "7995", "NO"), body("4", "2000.5", "7995", "NO"));
  assert.deepEqual(
    marks.map((event) => [event.header("fraud.score"), event.header("fraud.verdict")]),
    [["0.004", "approve"], ["0.204", "approve"], ["0.650", "review"], ["0.850", "refuse"]],
  );
});

test("a card used again and again gains points up to a bound", () => {
  assert.deepEqual(scores(...Array(6).fill(body("1", "0", "5411", "SE"))), ["0.000", "0.100", "0.200", "0.300", "0.300", "0.300"]);
});

test("halves are rounded up", () => {
  assert.deepEqual(scores(body("1", "1.25", "5411", "SE"), body("2", "6.25", "5411", "SE")), ["0.001", "0.003"]);
});

test("what is no transaction is rejected with the reason", () => {
  const whole = body("1", "10", "5411", "SE");
  for (const none of [null, "", ' ["t","1",1]', '{"id":1}', `${whole}x`, whole.slice(0, -1), Uint8Array.of(0xff), "null", "1"]) {
    assert.equal(reason(none), "not a transaction: no `card`");
  }
  assert.equal(reason(body("1", "-1", "5411", "SE")), "not a transaction: amount -1 is negative");
  for (const odd of ["1e999", "true", '"1"', "null"]) assert.equal(reason(body("1", odd, "5411", "SE")), "not a transaction: no number `amount`");
  for (const name of ["mcc", "country", "home"]) assert.equal(reason(whole.replace(`"${name}"`, '"x"')), `not a transaction: no \`${name}\``);
});

test("thresholds must make sense", () => {
  const message = "`review_above` (0.9) must not be above `refuse_above` (0.8), and both between 0 and 1";
  assert.throws(() => configure(FraudScore, { review_above: "0.9" }), { name: "SettingsError", message });
  assert.throws(() => configure(FraudScore, { amount_limit: "0" }), { name: "SettingsError" });
});
