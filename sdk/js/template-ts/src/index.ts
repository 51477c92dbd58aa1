// Marks large events with a header, and rejects those without a body.

import { type Event, Interceptor, keep, optional, reject, type Settings, type Verdict } from "weir-interceptor";

export default class {{pascal}} extends Interceptor {
  static override parameters = [optional("limit", "bytes above which an event is marked", "1000")];

  readonly #limit: number;

  constructor(settings: Settings) {
    super(settings);
    this.#limit = settings.integer("limit");
  }

  override intercept(event: Event): Verdict {
    const body = event.body;
    if (body === null) return reject("no body");
    if (body.length > this.#limit) event.setHeader("large", String(body.length));
    return keep;
  }
}
