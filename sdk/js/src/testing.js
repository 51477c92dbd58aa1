// Runs an interceptor natively, on events made up for a test. What is exported is documented in testing.d.ts.

import { setHost } from "./host.js";
import { jsonNumber, jsonText } from "./json-pointer.js";
import { Refused, Runner } from "./runner.js";
import { Settings, SettingsError } from "./settings.js";
import { decode, decodeLossy, encode } from "./text.js";

export function configure(kind, given = {}) {
  const unknown = Object.keys(given).find((name) => kind.parameters.every((parameter) => parameter.name !== name));
  if (unknown !== undefined) throw new SettingsError(`\`${unknown}\` is unknown`);
  const pairs = [];
  for (const parameter of kind.parameters) {
    const value = given[parameter.name] ?? parameter.default;
    if (value !== null) pairs.push([parameter.name, value]);
    else if (parameter.required) throw new SettingsError(`\`${parameter.name}\` is required`);
  }
  return new kind(new Settings(pairs));
}

export class BatchFailed extends Error {
  name = "BatchFailed";
}

export function judge(interceptor, events) {
  const batch = new GivenBatch(Array.from(events, untouched));
  try {
    Runner.of(interceptor).intercept(batch);
  } catch (error) {
    if (error instanceof Refused) throw new BatchFailed(error.message, { cause: error.cause });
    throw error;
  }
  return batch.judged;
}

export function watched(call) {
  const seen = { log: [], counters: {} };
  const before = setHost({
    write: (level, message) => seen.log.push({ level, message }),
    add: (name, by) => {
      seen.counters[name] = (seen.counters[name] ?? 0) + by;
    },
  });
  try {
    call();
  } finally {
    setHost(before);
  }
  return seen;
}

export class Judged {
  fate = "kept";
  reason = null;
  derived = [];

  constructor({ body = null, key = null, timestamp = null, headers = [] }) {
    this.body = bytes(body);
    this.key = bytes(key);
    this.timestamp = timestamp;
    const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
    this.headers = pairs.map(([name, value]) => [bytes(name), bytes(value)]);
  }

  get bodyText() {
    return this.body === null ? null : decode(this.body);
  }

  header(name) {
    const value = last(this.headers, name);
    return value === null ? null : decodeLossy(value);
  }
}

/** The host's side of a batch. */
class GivenBatch {
  constructor(judged) {
    this.judged = judged;
  }

  len() {
    return this.judged.length;
  }

  timestamps() {
    return this.judged.map((event) => event.timestamp ?? -1);
  }

  keys() {
    return column(this.judged.map((event) => event.key));
  }

  bodies() {
    return column(this.judged.map((event) => event.body));
  }

  bodyRanges(offset, len) {
    return column(this.judged.map((event) => event.body?.subarray(offset, offset + len) ?? null));
  }

  header(name) {
    return column(this.judged.map((event) => last(event.headers, name)));
  }

  headers() {
    const entries = this.judged.flatMap((event) => event.headers);
    return {
      counts: this.judged.map((event) => event.headers.length),
      names: column(entries.map(([name]) => name)),
      values: column(entries.map(([, value]) => value)),
    };
  }

  jsonTexts(pointer) {
    return column(this.judged.map((event) => bytes(jsonText(event.body, pointer))));
  }

  jsonNumbers(pointer) {
    const numbers = this.judged.map((event) => jsonNumber(event.body, pointer));
    return { values: numbers.map((number) => number ?? 0), nulls: nulls(numbers) };
  }

  apply(edits) {
    const piece = ({ offset, len }) => edits.bytes.slice(offset, offset + len);
    const text = (span) => decodeLossy(piece(span));
    for (const { event, at } of edits.removeHeaders) this.#remove(event, text(at));
    for (const { event, name, value } of edits.setHeaders) {
      this.#remove(event, text(name));
      this.judged[event].headers.push([piece(name), piece(value)]);
    }
    for (const { event, at } of edits.setKeys) this.judged[event].key = piece(at);
    for (const event of edits.clearKeys) this.judged[event].key = null;
    for (const { event, at } of edits.setBodies) this.judged[event].body = piece(at);
    for (const event of edits.clearBodies) this.judged[event].body = null;
    for (const { event, body, headers } of edits.derived) {
      const pairs = headers.map(([name, value]) => [piece(name), piece(value)]);
      this.judged[event].derived.push(new Judged({ body: piece(body), headers: pairs }));
    }
    for (const event of edits.discards) this.judged[event].fate = "discarded";
    for (const { event, at } of edits.rejects) Object.assign(this.judged[event], { fate: "rejected", reason: text(at) });
  }

  #remove(event, name) {
    this.judged[event].headers = this.judged[event].headers.filter(([known]) => decode(known) !== name);
  }
}

function untouched(given) {
  const alone = given === null || typeof given === "string" || given instanceof Uint8Array;
  return new Judged(alone ? { body: given } : given);
}

function bytes(value) {
  return typeof value === "string" ? encode(value) : value;
}

function last(headers, name) {
  return headers.findLast(([known]) => decode(known) === name)?.[1] ?? null;
}

function nulls(values) {
  return values.flatMap((value, index) => (value === null ? [index] : []));
}

function column(values) {
  const present = values.map((value) => value ?? new Uint8Array());
  let end = 0;
  const ends = present.map((value) => (end += value.length));
  const all = new Uint8Array(end);
  present.forEach((value, index) => all.set(value, ends[index] - value.length));
  return { bytes: all, ends, nulls: nulls(values) };
}
