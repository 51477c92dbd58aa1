// The module that has a batch given back in time, run alone: between a made-up guest and the memory both see.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FINISH, giveBack, INTERCEPT, MODULE } from "../build/give-back.js";

/** A guest whose `intercept` answers with this error, or with none. */
function around(error) {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const calls = [];
  let free = 4096;
  const guest = {
    [INTERCEPT]: (batch) => {
      calls.push(["intercept", batch]);
      const view = new DataView(memory.buffer);
      view.setUint8(64, error() === null ? 0 : 1);
      if (error() === null) return 64;
      const bytes = new TextEncoder().encode(error());
      new Uint8Array(memory.buffer).set(bytes, 1024);
      view.setUint32(68, 1024, true);
      view.setUint32(72, bytes.length, true);
      return 64;
    },
    [FINISH]: (answer) => {
      calls.push(["finish", answer]);
      // What the guest frees may be anything at once.
      new Uint8Array(memory.buffer).fill(0xff, 64, 2048);
    },
    cabi_realloc: (old, size, align, wanted) => {
      const place = Math.ceil(free / align) * align;
      free = place + wanted;
      new Uint8Array(memory.buffer).copyWithin(place, old, old + size);
      return place;
    },
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(MODULE), { guest, memory: { memory } });
  const answer = (batch) => {
    const at = exports.intercept(batch);
    const view = new DataView(memory.buffer);
    if (view.getUint8(at) === 0) return null;
    return new TextDecoder().decode(new Uint8Array(memory.buffer, view.getUint32(at + 4, true), view.getUint32(at + 8, true)));
  };
  return { answer, calls, finish: exports.finish };
}

test("the guest has finished before its answer is given, and the answer is whole", () => {
  let error = null;
  const { answer, calls, finish } = around(() => error);
  assert.equal(answer(7), null);
  for (error of ["short", "a longer one than before", "", "short"]) assert.equal(answer(7), error);
  assert.deepEqual(calls.slice(0, 2), [["intercept", 7], ["finish", 64]]);
  finish(64);
  assert.equal(calls.length, 10);
});

test("a component of another shape is refused", () => {
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);
  assert.throws(() => giveBack(empty), /no `intercept`/);
});
