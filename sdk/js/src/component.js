// What a component's entry module needs. Only a build bundles it: the `weir:` modules are the host.

import * as counters from "weir:interceptor/counters@0.1.0";
import * as logging from "weir:interceptor/logging@0.1.0";

import { log, setHost } from "./host.js";
import { Refused, Runner } from "./runner.js";
import { provideGlobals } from "./text.js";

provideGlobals();

// There is no console in the sandbox; other people's modules write to one.
globalThis.console ??= Object.freeze({
  debug: (...parts) => log.debug(parts.join(" ")),
  trace: (...parts) => log.debug(parts.join(" ")),
  log: (...parts) => log.info(parts.join(" ")),
  info: (...parts) => log.info(parts.join(" ")),
  warn: (...parts) => log.warn(parts.join(" ")),
  error: (...parts) => log.error(parts.join(" ")),
});

setHost({
  write: (level, message) => logging.write(level, message),
  add: (name, by) => counters.add(name, by),
});

/** The contract's interface, answered by an author's class. */
export function component(kind, name, version) {
  const runner = new Runner(kind, name, version);
  return {
    describe: () => runner.describe(),
    configure: (settings) => {
      stopClocks();
      told(() => runner.configure(settings));
    },
    intercept: (batch) => told(() => runner.intercept(batch)),
  };
}

/** There is no clock in the sandbox, and asking for one ends the instance without a word. While the plugin is built there is one. */
function stopClocks() {
  const now = () => {
    throw new Error("there is no clock in the sandbox; use event.timestamp");
  };
  const Known = Date;
  globalThis.Date = class Date extends Known {
    constructor(...given) {
      if (given.length === 0) now();
      super(...given);
    }

    static now() {
      return now();
    }
  };
  globalThis.performance = Object.freeze({ now });
}

/** The contract's errors are text. */
function told(call) {
  try {
    call();
  } catch (error) {
    throw error instanceof Refused ? error.message : String(error?.message ?? error);
  }
}
