// A plugin: made once an instance, asked about every event after that.

import { Verdict } from "./verdict.js";

export class Interceptor {
  static parameters = [];

  constructor(_settings) {}

  intercept(_event) {
    throw new Error(`${this.constructor.name} has neither \`intercept\` nor \`interceptBatch\``);
  }

  interceptBatch(batch) {
    for (const event of batch) {
      const verdict = this.intercept(event);
      if (!(verdict instanceof Verdict)) throw new TypeError(`\`intercept\` must return keep, discard or reject(reason), not ${String(verdict)}`);
      if (verdict.kind !== "keep") event.decide(verdict);
    }
  }
}
