// Between the contract's three functions and an author's class. A component and the tests go through the same code.

import { Batch } from "./batch.js";
import { Changes } from "./changes.js";
import { Interceptor } from "./interceptor.js";
import { Settings, SettingsError } from "./settings.js";
import { Fault } from "./verdict.js";

/** A message must not outgrow what the host takes back. */
const MESSAGE = 16 * 1024;

/** A call that failed; the message is for the host. */
export class Refused extends Error {}

export class Runner {
  #kind;
  #name;
  #version;
  #interceptor = null;

  constructor(kind, name, version) {
    if (typeof kind !== "function" || !(kind.prototype instanceof Interceptor)) {
      throw new TypeError("the entry module must export a class that extends Interceptor as its default");
    }
    this.#kind = kind;
    this.#name = name;
    this.#version = version;
  }

  /** A runner of an instance that is there already, for tests. */
  static of(interceptor) {
    const runner = new Runner(interceptor.constructor, "test", "0");
    runner.#interceptor = interceptor;
    return runner;
  }

  describe() {
    return { name: this.#name, version: this.#version, parameters: this.#kind.parameters };
  }

  configure(pairs) {
    try {
      this.#interceptor = new this.#kind(new Settings(pairs));
    } catch (error) {
      throw refused(error, SettingsError);
    }
  }

  intercept(source) {
    if (this.#interceptor === null) throw new Refused("it was not configured");
    const changes = new Changes();
    try {
      this.#interceptor.interceptBatch(new Batch(source, changes));
    } catch (error) {
      throw refused(error, Fault);
    }
    const edits = changes.finish();
    if (edits !== null) source.apply(edits);
  }
}

/** An error that is meant for people is its message; any other is shown with its stack. */
function refused(error, meant) {
  if (error instanceof meant) return new Refused(error.message, { cause: error });
  if (!(error instanceof Error)) return new Refused(`${String(error)} was thrown; throw an Error to see where`);
  const message = `${error.name}: ${error.message}`;
  // Node's stack begins with the message, QuickJS's does not.
  const stack = (error.stack ?? "").replace(message, "").trim();
  return new Refused(`${message}\n${stack}`.slice(0, MESSAGE).trim(), { cause: error });
}
