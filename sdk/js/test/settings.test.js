// Settings are typed, and what is wrong with one is told with its name, in the words the other SDKs use.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Settings, SettingsError } from "../src/index.js";

const settings = new Settings([
  ["limit", " 12 "],
  ["ratio", "much"],
  ["names", "a, b,,c"],
  ["deep", "-Infinity"],
  ["on", "true"],
  ["empty", ""],
  ["huge", "9007199254740993"],
]);

test("settings are typed", () => {
  assert.equal(settings.integer("limit"), 12);
  assert.equal(settings.number("limit"), 12);
  assert.equal(settings.number("deep"), -Infinity);
  assert.equal(settings.boolean("on"), true);
  assert.equal(settings.findInteger("other"), null);
  assert.deepEqual(settings.list("names"), ["a", "b", "c"]);
  assert.deepEqual(settings.list("other"), []);
});

test("what does not parse is told with its name", () => {
  const cases = [
    [() => settings.number("ratio"), "`ratio` cannot be `much`: invalid float literal"],
    [() => settings.integer("ratio"), "`ratio` cannot be `much`: invalid digit found in string"],
    [() => settings.boolean("ratio"), "`ratio` cannot be `much`: provided string was not `true` or `false`"],
    [() => settings.integer("empty"), "`empty` cannot be ``: cannot parse integer from empty string"],
    [() => settings.integer("huge"), "`huge` cannot be `9007199254740993`: number too large to fit in target type"],
    [() => settings.number("other"), "`other` is required"],
  ];
  for (const [get, message] of cases) assert.throws(get, new SettingsError(message));
});
