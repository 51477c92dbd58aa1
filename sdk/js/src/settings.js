// Settings: what a plugin takes, and what it was given.

export class SettingsError extends Error {
  name = "SettingsError";
}

export const required = (name, description) => ({ name, description, required: true, default: null });
export const optional = (name, description, value) => ({ name, description, required: false, default: value });
export const absent = (name, description) => ({ name, description, required: false, default: null });

const INTEGER = /^[+-]?[0-9]+$/;
const NUMBER = /^[+-]?(inf|infinity|nan|([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?)$/i;

export class Settings {
  #texts;

  constructor(pairs) {
    this.#texts = new Map(pairs);
  }

  text(name) {
    return there(name, this.findText(name));
  }

  integer(name) {
    return there(name, this.findInteger(name));
  }

  number(name) {
    return there(name, this.findNumber(name));
  }

  boolean(name) {
    return there(name, this.findBoolean(name));
  }

  findText(name) {
    return this.#texts.get(name) ?? null;
  }

  findInteger(name) {
    return this.#find(name, integer);
  }

  findNumber(name) {
    return this.#find(name, number);
  }

  findBoolean(name) {
    return this.#find(name, boolean);
  }

  list(name) {
    const items = (this.#texts.get(name) ?? "").split(",");
    return items.map((item) => item.trim()).filter((item) => item !== "");
  }

  #find(name, parse) {
    const text = this.#texts.get(name);
    if (text === undefined) return null;
    const refuse = (why) => {
      throw new SettingsError(`\`${name}\` cannot be \`${text}\`: ${why}`);
    };
    return parse(text.trim(), refuse);
  }
}

function there(name, value) {
  if (value === null) throw new SettingsError(`\`${name}\` is required`);
  return value;
}

function integer(text, refuse) {
  if (text === "") refuse("cannot parse integer from empty string");
  if (!INTEGER.test(text)) refuse("invalid digit found in string");
  const value = Number(text);
  if (value > Number.MAX_SAFE_INTEGER) refuse("number too large to fit in target type");
  if (value < Number.MIN_SAFE_INTEGER) refuse("number too small to fit in target type");
  return value;
}

function number(text, refuse) {
  if (text === "") refuse("cannot parse float from empty string");
  const match = NUMBER.exec(text) ?? refuse("invalid float literal");
  const word = match[1].toLowerCase();
  if (word === "nan") return NaN;
  if (word.startsWith("inf")) return text.startsWith("-") ? -Infinity : Infinity;
  return Number(text);
}

function boolean(text, refuse) {
  if (text !== "true" && text !== "false") refuse("provided string was not `true` or `false`");
  return text === "true";
}
