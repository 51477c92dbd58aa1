// The stand-in finds what the host finds, as it is written.

import assert from "node:assert/strict";
import { test } from "node:test";

import { jsonNumber, jsonText } from "../src/json-pointer.js";

const bytes = (text) => new TextEncoder().encode(text);

test("pointers find what RFC 6901 section 5 says", () => {
  const body = bytes(String.raw` {"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8} `);
  const wanted = { "/foo": '["bar","baz"]', "/foo/0": "bar", "/": "0", "/a~1b": "1", "/c%d": "2", "/e^f": "3", "/g|h": "4", "/i\\j": "5", '/k"l': "6", "/ ": "7", "/m~0n": "8" };
  for (const [pointer, text] of Object.entries(wanted)) assert.equal(jsonText(body, pointer), text, pointer);
});

test("values are as they are written", () => {
  const body = bytes('{ "n": 1.50, "o": { "a" : [1, 2.0] }, "t": "t\\u00e9", "z": null, "n": 12e1 }');
  assert.equal(jsonText(body, "/n"), "12e1");
  assert.equal(jsonText(body, "/o"), '{ "a" : [1, 2.0] }');
  assert.equal(jsonText(body, "/o/a/1"), "2.0");
  assert.equal(jsonText(body, "/o/a/01"), null);
  assert.equal(jsonText(body, "/t"), "té");
  assert.equal(jsonText(body, "/z"), null);
  assert.equal(jsonNumber(body, "/n"), 120);
  assert.equal(jsonNumber(body, "/t"), null);
});

test("a body that is no JSON has no fields, and text that is no pointer is refused", () => {
  for (const body of [null, bytes("{"), Uint8Array.of(0xff), bytes("")]) assert.equal(jsonText(body, "/a"), null);
  for (const pointer of ["a", "/~2"]) assert.throws(() => jsonText(bytes("{}"), pointer), /is not a JSON pointer/);
});
