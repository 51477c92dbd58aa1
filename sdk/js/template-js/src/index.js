// Marks large events with a header, and rejects those without a body.

import { Interceptor, keep, optional, reject } from "weir-interceptor";

export default class {{pascal}} extends Interceptor {
  static parameters = [optional("limit", "bytes above which an event is marked", "1000")];

  constructor(settings) {
    super(settings);
    this.limit = settings.integer("limit");
  }

  /** @param {import("weir-interceptor").Event} event */
  intercept(event) {
    const body = event.body;
    if (body === null) return reject("no body");
    if (body.length > this.limit) event.setHeader("large", String(body.length));
    return keep;
  }
}
