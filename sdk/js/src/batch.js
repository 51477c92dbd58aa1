// A batch and the events in it: views of columns that stay on the host until somebody asks.

import { Column, HeaderTable, NumberColumn } from "./column.js";
import { Verdict } from "./verdict.js";

/** What the events of a batch share: the columns pulled so far, and the changes. Not for authors. */
class Columns {
  constructor(source, changes) {
    this.source = source;
    this.changes = changes;
    this.timestamps = null;
    this.keys = null;
    this.bodies = null;
    this.headers = null;
    this.header = new Map();
    this.jsonTexts = new Map();
    this.jsonNumbers = new Map();
  }

  body() {
    return (this.bodies ??= new Column(this.source.bodies()));
  }

  named(known, name, pull) {
    let column = known.get(name);
    if (column === undefined) known.set(name, (column = pull(name)));
    return column;
  }

  headerOf(name) {
    return this.named(this.header, name, () => new Column(this.source.header(name)));
  }
}

export class BodyRanges {
  #column;

  constructor(column) {
    this.#column = column;
  }

  of(event) {
    return this.#column.bytes(event.index);
  }
}

export class Batch {
  #columns;

  constructor(source, changes) {
    this.#columns = new Columns(source, changes);
    this.length = source.len();
  }

  at(index) {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) throw new RangeError(`event ${index} of a batch of ${this.length}`);
    return new Event(this.#columns, index);
  }

  *[Symbol.iterator]() {
    for (let index = 0; index < this.length; index++) yield new Event(this.#columns, index);
  }

  bodyRanges(offset, length) {
    return new BodyRanges(new Column(this.#columns.source.bodyRanges(offset, length)));
  }
}

export class Event {
  #columns;

  constructor(columns, index) {
    this.#columns = columns;
    this.index = index;
  }

  get body() {
    return this.#columns.body().bytes(this.index);
  }

  get bodyText() {
    return this.#columns.body().text(this.index);
  }

  get key() {
    const columns = this.#columns;
    return (columns.keys ??= new Column(columns.source.keys())).bytes(this.index);
  }

  get timestamp() {
    const columns = this.#columns;
    const at = (columns.timestamps ??= columns.source.timestamps())[this.index];
    return at >= 0 ? at : null;
  }

  header(name) {
    return this.#columns.headerOf(name).bytes(this.index);
  }

  headerText(name) {
    return this.#columns.headerOf(name).text(this.index);
  }

  headers() {
    const columns = this.#columns;
    return (columns.headers ??= new HeaderTable(columns.source.headers())).of(this.index);
  }

  jsonText(pointer) {
    const columns = this.#columns;
    return columns.named(columns.jsonTexts, pointer, () => new Column(columns.source.jsonTexts(pointer))).text(this.index);
  }

  jsonNumber(pointer) {
    const columns = this.#columns;
    return columns.named(columns.jsonNumbers, pointer, () => new NumberColumn(columns.source.jsonNumbers(pointer))).number(this.index);
  }

  setHeader(name, value) {
    this.#columns.changes.setHeader(this.index, name, value);
  }

  removeHeader(name) {
    this.#columns.changes.removeHeader(this.index, name);
  }

  setKey(key) {
    this.#columns.changes.key(this.index, key);
  }

  clearKey() {
    this.#columns.changes.key(this.index, null);
  }

  setBody(body) {
    this.#columns.changes.body(this.index, body);
  }

  clearBody() {
    this.#columns.changes.body(this.index, null);
  }

  derive(body, headers = {}) {
    this.#columns.changes.derive(this.index, body, headers);
  }

  decide(verdict) {
    if (!(verdict instanceof Verdict)) throw new TypeError(`a verdict is keep, discard or reject(reason), not ${String(verdict)}`);
    this.#columns.changes.decide(this.index, verdict);
  }
}
