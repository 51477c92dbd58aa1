// Does what each event's header `do` says; see the README. The same in every language, so that a table of cases can compare them.

import {
  absent,
  type Batch,
  type BodyRanges,
  count,
  decodeLossy,
  discard,
  type Event,
  Fault,
  Interceptor,
  keep,
  log,
  optional,
  reject,
  required,
  type Settings,
  SettingsError,
  type Verdict,
} from "weir-interceptor";

import { echo } from "./echo.ts";

const FLOOD = 10_000;
const LARGEST = 2n ** 63n - 1n;

export default class Conformance extends Interceptor {
  static override parameters = [
    required("label", "any text; `settings` shows it"),
    optional("limit", "a whole number above 0", "10"),
    absent("note", "any text; `settings` shows it where it is given"),
    optional("mode", "`event`, or `batch`: through the whole-batch function", "event"),
  ];

  readonly #label: string;
  readonly #limit: number;
  readonly #note: string | null;
  readonly #mode: string;
  #ranges: (() => BodyRanges) | null = null;

  constructor(settings: Settings) {
    super(settings);
    this.#label = settings.text("label");
    this.#limit = settings.integer("limit");
    this.#note = settings.findText("note");
    this.#mode = settings.text("mode");
    if (this.#limit <= 0) throw new SettingsError("`limit` must be above 0");
    if (this.#mode !== "event" && this.#mode !== "batch") {
      throw new SettingsError(`\`mode\` must be \`event\` or \`batch\`, not \`${this.#mode}\``);
    }
  }

  override interceptBatch(batch: Batch): void {
    let ranges: BodyRanges | null = null;
    this.#ranges = () => (ranges ??= batch.bodyRanges(2, 4));
    if (this.#mode === "event") return super.interceptBatch(batch);
    for (const event of batch) {
      event.setHeader("index", String(event.index));
      event.setHeader("of", String(batch.length));
    }
    for (const event of batch) event.decide(this.intercept(event));
  }

  override intercept(event: Event): Verdict {
    const command = event.headerText("do");
    switch (command) {
      case null:
      case "keep":
        break;
      case "discard":
        return discard;
      case "reject":
        return reject(text(event));
      case "set-header":
        event.setHeader(event.headerText("name") ?? "", event.body ?? "");
        break;
      case "remove-header":
        event.removeHeader(event.headerText("name") ?? "");
        break;
      case "set-key":
        event.setKey(event.body ?? "");
        break;
      case "clear-key":
        event.clearKey();
        break;
      case "set-body":
        event.setBody(event.header("value") ?? "");
        break;
      case "clear-body":
        event.clearBody();
        break;
      case "reverse":
        if (event.body !== null) event.setBody(event.body.slice().reverse());
        break;
      case "echo":
        event.setBody(echo(event));
        break;
      case "explode":
        return explode(event);
      case "json":
        fields(event, event.headerText("pointer") ?? "");
        break;
      case "settings":
        this.#show(event);
        break;
      case "range":
        this.#range(event);
        break;
      case "log":
        log.info(text(event));
        break;
      case "log-flood":
        for (let line = 0; line < FLOOD; line++) log.warn("flood");
        break;
      case "count":
        count("seen");
        break;
      case "error":
        throw new Fault(text(event));
      case "panic":
        throw new Error("conformance panic");
      default:
        return reject(`unknown command \`${command}\``);
    }
    return keep;
  }

  #show(event: Event): void {
    event.setHeader("label", this.#label);
    event.setHeader("limit", String(this.#limit));
    if (this.#note !== null) event.setHeader("note", this.#note);
  }

  #range(event: Event): void {
    const part = this.#ranges?.().of(event) ?? null;
    if (part !== null) event.setHeader("range", part);
  }
}

/** The body as text, whatever it is. */
function text(event: Event): string {
  return event.body === null ? "" : decodeLossy(event.body);
}

/** An event for each line of the body, in place of it. */
function explode(event: Event): Verdict {
  const body = event.body;
  if (body === null) return discard;
  let start = 0;
  for (let piece = 0; start <= body.length; piece++) {
    const newline = body.indexOf(0x0a, start);
    const end = newline < 0 ? body.length : newline;
    event.derive(body.subarray(start, end), { piece: String(piece) });
    start = end + 1;
  }
  return discard;
}

/** Sets headers to what stands at the pointer. */
function fields(event: Event, pointer: string): void {
  const found = event.jsonText(pointer);
  if (found !== null) event.setHeader("text", found);
  const number = event.jsonNumber(pointer);
  if (number !== null) event.setHeader("number", rounded(number * 1000));
}

/** To the nearest whole number of 64 bits, halves away from zero. */
function rounded(number: number): string {
  if (Math.abs(number) === Infinity) number = Math.sign(number) * 2 ** 64;
  let whole = Math.trunc(number);
  if (Math.abs(number - whole) >= 0.5) whole += Math.sign(number);
  const exact = BigInt(whole);
  return String(exact > LARGEST ? LARGEST : exact < -LARGEST - 1n ? -LARGEST - 1n : exact);
}
