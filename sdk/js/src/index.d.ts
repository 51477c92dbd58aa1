/**
 * Write a Weir interceptor in JavaScript or TypeScript: a sandboxed WebAssembly component that judges events.
 *
 * ```js
 * import { Interceptor, keep, optional, reject } from "weir-interceptor";
 *
 * export default class LargeOnes extends Interceptor {
 *   static parameters = [optional("limit", "bytes above which an event is marked", "1000")];
 *
 *   constructor(settings) {
 *     super(settings);
 *     this.limit = settings.integer("limit");
 *   }
 *
 *   intercept(event) {
 *     const body = event.body;
 *     if (body === null) return reject("no body");
 *     if (body.length > this.limit) event.setHeader("large", "yes");
 *     return keep;
 *   }
 * }
 * ```
 *
 * @module
 */

/** Bytes, or text that stands for its UTF-8. */
export type Value = Uint8Array | string;

/** What becomes of an event: {@link keep}, {@link discard}, or {@link reject}. Changes are made through the event's methods. */
export class Verdict {
  private constructor();
  readonly kind: "keep" | "discard" | "reject";
  readonly reason: string | null;
}

/** It goes on, with the changes made to it. */
export const keep: Verdict;

/** It is dropped, on purpose; it counts as delivered. Events derived from it go on. */
export const discard: Verdict;

/** It goes to the dead letters as it came, with this reason, which a person will read. */
export function reject(reason: string): Verdict;

/**
 * Throw it where a whole batch cannot be judged; the host gets its message alone, without a stack.
 *
 * The host then asks again about ever smaller parts of the batch, until it knows over which events. So this is for what an event did, and
 * {@link reject} is the better way to say so.
 */
export class Fault extends Error {}

/** A setting a plugin takes. The host refuses others, asks for the required ones and fills in the defaults. */
export interface Parameter {
  readonly name: string;
  /** What it means, its unit and its values, for people. */
  readonly description: string;
  /** Whether it must be given. */
  readonly required: boolean;
  /** What it is when nobody gives it. */
  readonly default: string | null;
}

/** A setting that must be given. */
export function required(name: string, description: string): Parameter;

/** A setting with a default. */
export function optional(name: string, description: string, value: string): Parameter;

/** A setting that may be absent; read it with the `find` methods of {@link Settings}. */
export function absent(name: string, description: string): Parameter;

/** A sentence for whoever wrote the settings; the pipeline does not start. Throw it in the constructor. */
export class SettingsError extends Error {}

/**
 * What a plugin was given; the host has filled in the defaults.
 *
 * The getters throw {@link SettingsError} where a setting is not there or not of its type; those that begin with `find` return null where it
 * is not there.
 */
export class Settings {
  private constructor();
  /** The text of a setting, as it was given. */
  text(name: string): string;
  /** A setting that is a whole number, within `Number.MAX_SAFE_INTEGER`. */
  integer(name: string): number;
  /** A setting that is a number. */
  number(name: string): number;
  /** A setting that is `true` or `false`. */
  boolean(name: string): boolean;
  /** As {@link text}, for one that may be absent. */
  findText(name: string): string | null;
  /** As {@link integer}, for one that may be absent. */
  findInteger(name: string): number | null;
  /** As {@link number}, for one that may be absent. */
  findNumber(name: string): number | null;
  /** As {@link boolean}, for one that may be absent. */
  findBoolean(name: string): boolean | null;
  /** A setting that is a list, split at commas; empty items are left out. */
  list(name: string): string[];
}

/**
 * A plugin: made once an instance, asked about every event after that. Export one class that extends it as the entry module's default.
 *
 * Several instances run in parallel, one a thread, and batches go to whichever is free. What one instance learns is a cache: it is lost when
 * the host renews the instance.
 */
export class Interceptor {
  /** The settings it takes. */
  static parameters: readonly Parameter[];

  /** Makes an instance. A {@link SettingsError} is a sentence for whoever wrote the settings; the pipeline does not start. */
  constructor(settings: Settings);

  /**
   * Judges one event: looks at it, changes it through its methods, and returns {@link keep}, {@link discard} or `reject(reason)`.
   *
   * What it throws fails the batch, with its stack; the host then finds the event and puts it to the dead letters.
   */
  intercept(event: Event): Verdict;

  /**
   * Judges a whole batch, by default event by event.
   *
   * Override it to look at the events together; then say what becomes of each with {@link Event.decide}, once at most (an event about which
   * nothing is said goes on). A {@link Fault} fails the batch with its message.
   */
  interceptBatch(batch: Batch): void;
}

/** Events that travel together, in source order. Valid during the call only. */
export class Batch implements Iterable<Event> {
  private constructor();
  /** Number of events. */
  readonly length: number;
  /** The event at this place. */
  at(index: number): Event;
  /** The events, in order. May be gone through more than once. */
  [Symbol.iterator](): Iterator<Event>;
  /** The same byte range of every body, cut at its end. Cheaper than whole bodies where they are long. */
  bodyRanges(offset: number, length: number): BodyRanges;
}

/** A part of every body; see {@link Batch.bodyRanges}. */
export class BodyRanges {
  private constructor();
  /** The part of this event's body; null where it has no body. */
  of(event: Event): Uint8Array | null;
}

/**
 * One event. What is asked for the first time is pulled for the whole batch; what is changed is told to the host once, at the end.
 *
 * Changes do not show in what the methods return: an interceptor sees the event as it came. Bytes are views, valid during the call: copy
 * what is kept longer, and what is written to.
 */
export class Event {
  private constructor();
  /** Its place in the batch. */
  readonly index: number;
  /** Its body; null is Kafka's null value, a tombstone. */
  readonly body: Uint8Array | null;
  /** Its body as text; null also where it is not UTF-8. Cheap where all bodies of the batch are ASCII. */
  readonly bodyText: string | null;
  /** Its key. */
  readonly key: Uint8Array | null;
  /** Milliseconds since the epoch; null where the source knows none. */
  readonly timestamp: number | null;
  /** The last header of this name. */
  header(name: string): Uint8Array | null;
  /** As {@link header}; null also where it is not UTF-8. */
  headerText(name: string): string | null;
  /** Every header, in order; names need not be UTF-8, and one may come more than once. */
  headers(): [name: Uint8Array, value: Uint8Array | null][];
  /**
   * A field of its JSON body, by RFC 6901 pointer such as `/card/number`: a string's content, anything else as it is written. Null where it
   * is absent or `null`, or the body is no JSON. The host parses. Text that is no pointer stops the plugin.
   */
  jsonText(pointer: string): string | null;
  /** A number in its JSON body; null also where the field is something else. */
  jsonNumber(pointer: string): number | null;
  /** Sets a header, replacing every one of that name. The name must not be empty. `topic` routes the event, as in Flume. */
  setHeader(name: string, value: Value): void;
  /** Removes every header of that name. Removals come before settings. */
  removeHeader(name: string): void;
  /** Replaces its key. */
  setKey(key: Value): void;
  /** Takes its key away. */
  clearKey(): void;
  /** Replaces its body. */
  setBody(body: Value): void;
  /** Takes its body away: a tombstone in Kafka. */
  clearBody(): void;
  /** A new event right after this one, with its headers, key, timestamp and origin, this body, and these headers on top. */
  derive(body: Value, headers?: Record<string, Value>): void;
  /** Says what becomes of it; for {@link Interceptor.interceptBatch}. Once at most for an event. */
  decide(verdict: Verdict): void;
}

/**
 * Lines of the plugin's log. The host names the plugin and the pipeline, and writes no more than a hundred lines a second. `console` goes
 * there too.
 */
export const log: {
  /** For whoever works on the plugin. */
  debug(message: string): void;
  /** Worth knowing. */
  info(message: string): void;
  /** Odd, and handled. */
  warn(message: string): void;
  /** Somebody must look. */
  error(message: string): void;
};

/**
 * Adds to the counter of this name, seen in the agent's metrics as `weir_plugin_counter_total`.
 *
 * A name is 1 to 64 of `a-z`, `0-9` and `_`, a letter first; a plugin has at most 64 of them. What does not fit is left out, and logged once.
 */
export function count(name: string, by?: number): void;

/** The text, or null where it is not UTF-8. */
export function decode(bytes: Uint8Array): string | null;

/** The text with U+FFFD for what is not UTF-8. */
export function decodeLossy(bytes: Uint8Array): string;

/** The text's UTF-8; a lone surrogate becomes U+FFFD. */
export function encode(text: string): Uint8Array;
