// Points of a thousand, and what they mean.

import { SettingsError } from "weir-interceptor";

/** The most points there are. */
const ALL = 1000;
const AMOUNT = 400;
const AGAIN = 100;
const AGAIN_AT_MOST = 300;
const ABROAD = 200;
const RISKY = 250;

/** The settings, made ready. */
export class Rules {
  #amountLimit;
  #review;
  #refuse;
  #riskyMccs;

  constructor({ amountLimit, review, refuse, riskyMccs }) {
    if (!(Number.isFinite(amountLimit) && amountLimit > 0)) throw new SettingsError(`\`amount_limit\` (${amountLimit}) must be above 0`);
    if (!(0 <= review && review <= refuse && refuse <= 1)) {
      throw new SettingsError(`\`review_above\` (${review}) must not be above \`refuse_above\` (${refuse}), and both between 0 and 1`);
    }
    this.#amountLimit = amountLimit;
    this.#review = Math.round(review * ALL);
    this.#refuse = Math.round(refuse * ALL);
    this.#riskyMccs = new Set(riskyMccs);
  }

  /** Points of a transaction whose card was seen so often before in the batch. */
  score({ amount, country, home, mcc }, seen) {
    let points = Math.round(AMOUNT * Math.min(amount / this.#amountLimit, 1));
    points += Math.min(seen * AGAIN, AGAIN_AT_MOST);
    if (country !== home) points += ABROAD;
    if (this.#riskyMccs.has(mcc)) points += RISKY;
    return Math.min(points, ALL);
  }

  verdict(points) {
    if (points >= this.#refuse) return "refuse";
    return points >= this.#review ? "review" : "approve";
  }
}
