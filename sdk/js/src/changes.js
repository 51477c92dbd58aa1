// Edits under way: gathered until the batch is judged, and told to the host once.

import { encode } from "./text.js";

const byEvent = (one, other) => one.event - other.event;
const ascending = (one, other) => one - other;

export class Changes {
  #bytes = new Uint8Array(1024);
  #used = 0;
  /** Header names are written once a batch. */
  #names = new Map();
  #discards = new Set();
  #rejects = new Map();
  #set = [];
  #removed = [];
  /** Of several keys or bodies for one event the last counts; null takes it away. */
  #keys = new Map();
  #bodies = new Map();
  #derived = [];

  decide(event, verdict) {
    if (verdict.kind === "keep") return;
    if (this.#discards.has(event) || this.#rejects.has(event)) throw new Error(`event ${event} was decided on already`);
    if (verdict.kind === "discard") this.#discards.add(event);
    else this.#rejects.set(event, this.#write(verdict.reason));
  }

  setHeader(event, name, value) {
    this.#set.push({ event, name: this.#name(name), value: this.#write(value) });
  }

  removeHeader(event, name) {
    this.#removed.push({ event, at: this.#name(name) });
  }

  key(event, key) {
    this.#keys.set(event, key === null ? null : this.#write(key));
  }

  body(event, body) {
    this.#bodies.set(event, body === null ? null : this.#write(body));
  }

  derive(event, body, headers) {
    const pairs = Object.entries(headers).map(([name, value]) => [this.#name(name), this.#write(value)]);
    this.#derived.push({ event, body: this.#write(body), headers: pairs });
  }

  /** The edits, as the contract wants them: by ascending event. Null where nothing was changed. */
  finish() {
    // A rejected event is parked as it came: what was derived from it goes with it.
    const derived = this.#derived.filter(({ event }) => !this.#rejects.has(event));
    const edits = {
      discards: [...this.#discards].sort(ascending),
      rejects: set(this.#rejects),
      setHeaders: arranged(this.#set),
      removeHeaders: arranged(this.#removed),
      setKeys: set(this.#keys),
      clearKeys: cleared(this.#keys),
      setBodies: set(this.#bodies),
      clearBodies: cleared(this.#bodies),
      derived: arranged(derived),
    };
    if (Object.values(edits).every((list) => list.length === 0)) return null;
    return { ...edits, bytes: this.#bytes.subarray(0, this.#used) };
  }

  #write(value) {
    const bytes = typeof value === "string" ? encode(value) : value;
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`a value is a string or a Uint8Array, not ${value === null ? "null" : typeof value}`);
    const offset = this.#used;
    this.#used += bytes.length;
    if (this.#used > this.#bytes.length) {
      const more = new Uint8Array(Math.max(this.#used, 2 * this.#bytes.length));
      more.set(this.#bytes.subarray(0, offset));
      this.#bytes = more;
    }
    this.#bytes.set(bytes, offset);
    return { offset, len: bytes.length };
  }

  #name(name) {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    if (typeof name !== "string") throw new TypeError(`a header's name is a string, not ${typeof name}`);
    if (name === "" || name.includes("\0")) throw new TypeError(`${JSON.stringify(name)} cannot name a header: it must not be empty or contain NUL`);
    const span = this.#write(name);
    this.#names.set(name, span);
    return span;
  }
}

/** An interceptor goes through a batch in order most times; then nothing is sorted. */
function arranged(list) {
  for (let at = 1; at < list.length; at++) {
    if (list[at].event < list[at - 1].event) return list.sort(byEvent);
  }
  return list;
}

function set(changed) {
  const edits = [];
  for (const [event, at] of changed) if (at !== null) edits.push({ event, at });
  return arranged(edits);
}

function cleared(changed) {
  const events = [];
  for (const [event, at] of changed) if (at === null) events.push(event);
  return events.sort(ascending);
}
