// Fields of JSON bodies as the host finds them: by RFC 6901 pointer, and as they are written. For tests.

import { decode } from "./text.js";

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /[^\s,\]}]+/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;

/** A string's content, anything else as it is written; null for JSON's null. */
export function jsonText(body, pointer) {
  const value = find(body, pointer);
  if (value === null || value === "null") return null;
  return value.startsWith('"') ? JSON.parse(value) : value;
}

/** The value where it is a number. */
export function jsonNumber(body, pointer) {
  const value = find(body, pointer);
  return value !== null && /^[-0-9]/.test(value) && Number.isFinite(Number(value)) ? Number(value) : null;
}

function find(body, pointer) {
  const tokens = parse(pointer);
  const text = body === null ? null : decode(body);
  if (text === null || !wellFormed(text)) return null;
  let value = text.trim();
  for (const token of tokens) {
    value = child(value, token);
    if (value === null) return null;
  }
  return value;
}

/** The host stops a plugin over text that is no pointer. */
function parse(pointer) {
  if ((pointer !== "" && !pointer.startsWith("/")) || /~(?![01])/.test(pointer)) {
    throw new TypeError(`${JSON.stringify(pointer)} is not a JSON pointer (RFC 6901)`);
  }
  return pointer.split("/").slice(1).map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function wellFormed(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** One step, into an object or an array that is known to be well-formed. Of fields of one name the last counts. */
function child(value, token) {
  if (value.startsWith("{")) return members(value).findLast(([name]) => JSON.parse(name) === token)?.[1] ?? null;
  if (!value.startsWith("[") || !/^(0|[1-9][0-9]*)$/.test(token)) return null;
  return members(value)[Number(token)]?.[1] ?? null;
}

function members(value) {
  const found = [];
  let at = past(SPACE, value, 1);
  while (value[at] !== "]" && value[at] !== "}") {
    let name = "";
    if (value.startsWith("{")) {
      const end = endOf(value, at);
      name = value.slice(at, end);
      at = past(SPACE, value, past(SPACE, value, end) + 1);
    }
    const end = endOf(value, at);
    found.push([name, value.slice(at, end)]);
    at = past(SPACE, value, end);
    if (value[at] === ",") at = past(SPACE, value, at + 1);
  }
  return found;
}

/** Where the value that begins at `at` ends. */
function endOf(text, at) {
  if (text[at] === '"') return past(STRING, text, at);
  if (text[at] !== "[" && text[at] !== "{") return past(SCALAR, text, at);
  let depth = 0;
  do {
    if (text[at] === '"') {
      at = past(STRING, text, at);
      continue;
    }
    if (text[at] === "[" || text[at] === "{") depth++;
    if (text[at] === "]" || text[at] === "}") depth--;
    at++;
  } while (depth > 0);
  return at;
}

function past(pattern, text, at) {
  pattern.lastIndex = at;
  pattern.exec(text);
  return pattern.lastIndex;
}
