// What a plugin may call outside a batch: the log and its counters. To the console and nowhere, until a component or a test says otherwise.

const noHost = {
  write: (level, message) => console.error(`${level}: ${message}`),
  add: () => {},
};

let current = noHost;

/** Puts another host there; returns the one before. */
export function setHost(host) {
  const before = current;
  current = host;
  return before;
}

export const log = Object.freeze({
  debug: (message) => current.write("debug", String(message)),
  info: (message) => current.write("info", String(message)),
  warn: (message) => current.write("warn", String(message)),
  error: (message) => current.write("error", String(message)),
});

export function count(name, by = 1) {
  if (!Number.isSafeInteger(by) || by < 0) throw new RangeError(`a counter only grows, by whole numbers: \`${name}\` by ${by}`);
  current.add(name, by);
}
