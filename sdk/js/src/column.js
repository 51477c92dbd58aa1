// Columns: one field of every event, pulled from the host when somebody first asks.

import { decode, decodeAscii } from "./text.js";

/** Values back to back, as the host hands them over. */
export class Column {
  #bytes;
  #ends;
  #nulls;
  /** The whole column as text where it is ASCII, null where it is not; undefined until somebody asks. */
  #ascii;

  constructor({ bytes, ends, nulls }) {
    this.#bytes = bytes;
    this.#ends = ends;
    this.#nulls = nulls.length === 0 ? null : new Set(nulls);
  }

  /** The value at `index`, a view; null where it is absent. */
  bytes(index) {
    if (this.#nulls !== null && this.#nulls.has(index)) return null;
    return this.#bytes.subarray(index === 0 ? 0 : this.#ends[index - 1], this.#ends[index]);
  }

  /** As text; null also where it is not UTF-8. */
  text(index) {
    if (this.#nulls !== null && this.#nulls.has(index)) return null;
    if (this.#ascii === undefined) this.#ascii = decodeAscii(this.#bytes);
    const start = index === 0 ? 0 : this.#ends[index - 1];
    if (this.#ascii !== null) return this.#ascii.slice(start, this.#ends[index]);
    return decode(this.#bytes.subarray(start, this.#ends[index]));
  }
}

export class NumberColumn {
  #values;
  #nulls;

  constructor({ values, nulls }) {
    this.#values = values;
    this.#nulls = new Set(nulls);
  }

  number(index) {
    return this.#nulls.has(index) ? null : this.#values[index];
  }
}

/** Every header of every event. */
export class HeaderTable {
  #starts = [0];
  #names;
  #values;

  constructor({ counts, names, values }) {
    for (const count of counts) this.#starts.push(this.#starts[this.#starts.length - 1] + count);
    this.#names = new Column(names);
    this.#values = new Column(values);
  }

  of(index) {
    const entries = [];
    for (let entry = this.#starts[index]; entry < this.#starts[index + 1]; entry++) {
      entries.push([this.#names.bytes(entry), this.#values.bytes(entry)]);
    }
    return entries;
  }
}
