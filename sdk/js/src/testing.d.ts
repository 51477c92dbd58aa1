/**
 * Runs an interceptor natively, on events made up for a test: no WebAssembly, no host. For `node --test` or anything else.
 *
 * ```js
 * import { configure, judge } from "weir-interceptor/testing";
 *
 * test("large events are marked", () => {
 *   const [large, small] = judge(configure(LargeOnes, { limit: "3" }), ["four", { body: "two", key: "k" }]);
 *   assert.equal(large.header("large"), "yes");
 *   assert.deepEqual(small.headers, []);
 * });
 * ```
 *
 * @module
 */

import type { Interceptor, Settings, Value } from "./index.js";

/** An event for a test; a value alone stands for an event with that body. */
export interface Given {
  readonly body?: Value | null;
  readonly key?: Value | null;
  /** Milliseconds since the epoch. */
  readonly timestamp?: number | null;
  /** In order. */
  readonly headers?: Readonly<Record<string, Value | null>> | readonly (readonly [name: Value, value: Value | null])[];
}

/** An event after the interceptor. */
export class Judged {
  private constructor();
  fate: "kept" | "discarded" | "rejected";
  /** Why, where it was rejected. */
  reason: string | null;
  body: Uint8Array | null;
  key: Uint8Array | null;
  timestamp: number | null;
  headers: [name: Uint8Array, value: Uint8Array | null][];
  /** New events right after it: body, and the headers set on top. */
  derived: Judged[];
  /** Its body as text. */
  readonly bodyText: string | null;
  /** The last header of this name, as text. */
  header(name: string): string | null;
}

/** Thrown where the interceptor fails the batch: a `Fault`'s message, or any other error's message and stack. */
export class BatchFailed extends Error {}

/** Makes an instance as the host does: unknown settings are refused, defaults filled in. Throws `SettingsError`. */
export function configure<I extends Interceptor>(kind: new (settings: Settings) => I, given?: Readonly<Record<string, string>>): I;

/** What the interceptor makes of each event. Throws {@link BatchFailed}. */
export function judge(interceptor: Interceptor, events: Iterable<Given | Value | null>): Judged[];

/** What an interceptor said outside its batches. */
export interface Seen {
  log: { level: "debug" | "info" | "warn" | "error"; message: string }[];
  counters: Record<string, number>;
}

/** Gathers lines of the log and counters while `call` runs. */
export function watched(call: () => void): Seen;
