// What stands in for TextDecoder and TextEncoder in QuickJS says the same as Node's own.

import assert from "node:assert/strict";
import { test } from "node:test";
import vm from "node:vm";
import { readFileSync } from "node:fs";

/** text.js as QuickJS runs it: in a realm that has neither of the two. */
function withoutNative() {
  const source = readFileSync(new URL("../src/text.js", import.meta.url), "utf8").replaceAll("export function", "function");
  const realm = vm.createContext({ Uint8Array, ArrayBuffer });
  return vm.runInContext(`${source}; provideGlobals(); ({ decode, decodeLossy, encode, TextDecoder: globalThis.TextDecoder, TextEncoder: globalThis.TextEncoder })`, realm);
}

const own = withoutNative();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });

function* samples() {
  yield* ["", "ascii", "é€😀", "\u0000\uffff", "\ufeffbom", "a\ud800b"].map((text) => new TextEncoder().encode(text));
  yield Uint8Array.from("x".repeat(20_000) + "é", (letter) => letter.charCodeAt(0));
  let seed = 1;
  for (let sample = 0; sample < 3000; sample++) {
    yield Uint8Array.from({ length: sample % 7 }, () => {
      seed = (seed * 48271) % 2147483647;
      return [seed, 0x80 | (seed & 0x3f), 0xe0 | (seed & 0x1f)][seed % 3] & 0xff;
    });
  }
}

test("decoding is what it is elsewhere", () => {
  for (const bytes of samples()) {
    let wanted = null;
    try {
      wanted = strict.decode(bytes);
    } catch {
      // It is no UTF-8.
    }
    assert.equal(own.decode(bytes), wanted);
    assert.equal(own.decodeLossy(bytes), lossy.decode(bytes), Buffer.from(bytes).toString("hex"));
  }
});

test("encoding is what it is elsewhere, lone surrogates included", () => {
  for (const text of ["", "ascii", "é€😀", "a\ud800b", "\udc00", "\u{10ffff}\u0800\u07ff"]) {
    assert.deepEqual(Array.from(own.encode(text)), Array.from(new TextEncoder().encode(text)));
  }
});

test("other people's modules find the two", () => {
  assert.equal(new own.TextDecoder().decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41)), "A");
  assert.throws(() => new own.TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.of(0xff)), /not valid/);
  assert.deepEqual(Array.from(new own.TextEncoder().encode("é")), [0xc3, 0xa9]);
});
