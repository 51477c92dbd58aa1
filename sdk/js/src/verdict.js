// What an interceptor says of an event.

export class Verdict {
  constructor(kind, reason = null) {
    this.kind = kind;
    this.reason = reason;
    Object.freeze(this);
  }
}

export const keep = new Verdict("keep");
export const discard = new Verdict("discard");

export function reject(reason) {
  if (typeof reason !== "string") throw new TypeError(`a reason is a string, not ${typeof reason}`);
  return new Verdict("reject", reason);
}

export class Fault extends Error {
  name = "Fault";
}
