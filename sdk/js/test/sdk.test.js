// The native stand-in for the host: what an author's own tests rely on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { absent, count, discard, Fault, Interceptor, keep, log, optional, reject, required, SettingsError } from "../src/index.js";
import { BatchFailed, configure, judge, watched } from "../src/testing.js";

/** Does a little of everything, as the body says. */
class Everything extends Interceptor {
  static parameters = [optional("mark", "value of the header `mark`", "yes"), absent("note", "nothing")];

  constructor(settings) {
    super(settings);
    this.mark = settings.text("mark");
  }

  intercept(event) {
    switch (event.bodyText) {
      case null:
        return reject("no body");
      case "mark":
        event.setHeader("mark", this.mark);
        break;
      case "drop":
        return discard;
      case "clear":
        event.clearBody();
        event.setKey("k");
        event.clearKey();
        break;
      case "replace":
        event.setBody("first thought");
        event.setBody("second thought");
        event.setKey(Uint8Array.of(0xff));
        break;
      case "derive":
        event.derive("child", { of: "derive" });
        break;
      case "rename":
        event.setHeader("new", event.headerText("old") ?? "?");
        event.removeHeader("old");
        break;
      case "regret":
        event.derive("child");
        return reject("regretted");
      case "forget":
        return undefined;
      case "say":
        log.warn("careful");
        count("said", 2);
        count("said");
        break;
      default:
        event.setHeader("field", event.jsonText("/a/0") ?? "none");
    }
    return keep;
  }
}

function one(given) {
  return judge(configure(Everything), ["mark", given])[1];
}

test("an event is kept, dropped, or rejected with its reason", () => {
  assert.equal(one("mark").header("mark"), "yes");
  assert.equal(one("drop").fate, "discarded");
  assert.deepEqual([one(null).fate, one(null).reason], ["rejected", "no body"]);
});

test("of two bodies the last counts", () => {
  const judged = one({ body: "replace", timestamp: 5 });
  assert.deepEqual([judged.bodyText, judged.key, judged.timestamp], ["second thought", Uint8Array.of(0xff), 5]);
  assert.deepEqual([one("clear").body, one("clear").key], [null, null]);
});

test("derived events follow, and go with a rejected parent", () => {
  const [child] = one("derive").derived;
  assert.deepEqual([child.bodyText, child.header("of")], ["child", "derive"]);
  assert.deepEqual([one("regret").reason, one("regret").derived], ["regretted", []]);
});

test("headers and JSON fields are read by name", () => {
  const judged = one({ body: "rename", headers: [["old", "1"], ["old", "2"]] });
  assert.deepEqual([judged.header("new"), judged.header("old")], ["2", null]);
  assert.equal(one('{"a":["x"]}').header("field"), "x");
  assert.equal(one("not json").header("field"), "none");
});

test("settings are checked as the host does", () => {
  assert.equal(configure(Everything, { mark: "no" }).mark, "no");
  assert.throws(() => configure(Everything, { marc: "no" }), new SettingsError("`marc` is unknown"));
  class Strict extends Interceptor {
    static parameters = [required("key", "any")];
  }
  assert.throws(() => configure(Strict), new SettingsError("`key` is required"));
});

test("a verdict that was forgotten is an error, with the place it was forgotten at", () => {
  assert.throws(() => one("forget"), /^BatchFailed: TypeError: `intercept` must return keep, discard or reject\(reason\), not undefined\n[^]*interceptor\.js/);
});

test("a fault is its message alone, any other error has its stack", () => {
  class Failing extends Interceptor {
    intercept(event) {
      if (event.bodyText === "fault") throw new Fault("it broke");
      if (event.bodyText === "text") throw "only text";
      return event.nothing.at.all;
    }
  }
  const said = (body) => {
    try {
      judge(configure(Failing), [body]);
    } catch (error) {
      assert.ok(error instanceof BatchFailed);
      return error.message;
    }
  };
  assert.equal(said("fault"), "it broke");
  assert.equal(said("text"), "only text was thrown; throw an Error to see where");
  assert.match(said("other"), /^TypeError: Cannot read.*\n\s*at Failing\.intercept .*sdk\.test\.js/);
});

test("lines of the log and counters are seen", () => {
  const seen = watched(() => one("say"));
  assert.deepEqual(seen, { log: [{ level: "warn", message: "careful" }], counters: { said: 3 } });
  assert.throws(() => count("said", -1), RangeError);
});

test("a batch may be gone through in any order", () => {
  class TwoPasses extends Interceptor {
    interceptBatch(batch) {
      const lengths = Array.from(batch, (event) => event.body?.length ?? 0);
      if (lengths.length === 0) throw new Fault("all empty");
      for (let index = batch.length - 1; index >= 0; index--) {
        const event = batch.at(index);
        event.setHeader("share", `${lengths[index]}/${Math.max(...lengths)}`);
        if (index === 1) event.decide(discard);
      }
    }
  }
  const judged = judge(configure(TwoPasses), ["a", "bbb"]);
  assert.deepEqual(judged.map((event) => event.header("share")), ["1/3", "3/3"]);
  assert.deepEqual(judged.map((event) => event.fate), ["kept", "discarded"]);
  assert.throws(() => judge(configure(TwoPasses), []), new BatchFailed("all empty"));
});

test("an event is decided on once", () => {
  class Twice extends Interceptor {
    interceptBatch(batch) {
      batch.at(0).decide(discard);
      batch.at(0).decide(reject("no"));
    }
  }
  assert.throws(() => judge(configure(Twice), ["a"]), /event 0 was decided on already/);
});

test("a header's name is text that is not empty", () => {
  class Nameless extends Interceptor {
    intercept(event) {
      event.setHeader(event.bodyText, "x");
      return keep;
    }
  }
  assert.throws(() => judge(configure(Nameless), [""]), /"" cannot name a header/);
  assert.throws(() => judge(configure(Nameless), ["a\0b"]), /cannot name a header/);
});

test("every event's headers, key and time are there, and byte ranges are cut at the end", () => {
  class Reads extends Interceptor {
    interceptBatch(batch) {
      this.seen = Array.from(batch, (event) => [event.headers(), event.key, event.timestamp]);
      const ranges = batch.bodyRanges(2, 4);
      this.ranges = Array.from(batch, (event) => ranges.of(event));
    }
  }
  const reads = configure(Reads);
  judge(reads, [{ body: "0123456789", headers: [[Uint8Array.of(0xff), null], ["a", ""]] }, { body: "012", key: "k", timestamp: 7 }, null]);
  const bytes = (text) => new TextEncoder().encode(text);
  assert.deepEqual(reads.seen, [
    [[[Uint8Array.of(0xff), null], [bytes("a"), bytes("")]], null, null],
    [[], bytes("k"), 7],
    [[], null, null],
  ]);
  assert.deepEqual(reads.ranges, [bytes("2345"), bytes("2"), null]);
});
