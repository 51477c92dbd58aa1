// Scores card transactions; see the README for fields, rules and settings.

import { Interceptor, keep, optional, reject } from "weir-interceptor";

import { Rules } from "./rules.js";
import { NotATransaction, read } from "./transaction.js";

export default class FraudScore extends Interceptor {
  static parameters = [
    optional("amount_limit", "amount that gives all of the amount's points", "1000"),
    optional("review_above", "scores of at least this are marked `review`, 0 to 1", "0.5"),
    optional("refuse_above", "scores of at least this are marked `refuse`, 0 to 1", "0.8"),
    optional("risky_mccs", "merchant category codes that give points, separated by commas", "4829,5933,6051,6211,7995"),
  ];

  #rules;
  /** Transactions of a card so far in this batch. */
  #seen = new Map();

  constructor(settings) {
    super(settings);
    this.#rules = new Rules({
      amountLimit: settings.number("amount_limit"),
      review: settings.number("review_above"),
      refuse: settings.number("refuse_above"),
      riskyMccs: settings.list("risky_mccs"),
    });
  }

  interceptBatch(batch) {
    this.#seen.clear();
    super.interceptBatch(batch);
  }

  intercept(event) {
    let transaction;
    try {
      transaction = read(event);
    } catch (error) {
      if (error instanceof NotATransaction) return reject(`not a transaction: ${error.message}`);
      throw error;
    }
    const seen = this.#seen.get(transaction.card) ?? 0;
    this.#seen.set(transaction.card, seen + 1);
    const points = this.#rules.score(transaction, seen);
    event.setHeader("fraud.score", (points / 1000).toFixed(3));
    event.setHeader("fraud.verdict", this.#rules.verdict(points));
    return keep;
  }
}
