// Rewrites the values of a JSON text, and leaves all else as it is written.

/**
 * The text with `change` made to its strings and numbers: to all of them, or to those at these pointers and below. A number that changes
 * becomes a string, so that the text stays JSON. Null where the text is no JSON.
 */
export function rewrite(text: string, pointers: readonly string[], change: (value: string) => string): string | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  return new Rewriter(text, pointers, change).whole();
}

const STRING = /"(?:[^"\\]|\\.)*"/y;
const SCALAR = /[^\s,\]}]+/y;

/** Goes through a text that is known to be JSON. */
class Rewriter {
  readonly #text: string;
  readonly #pointers: readonly string[];
  readonly #change: (value: string) => string;
  #at = 0;
  #copied = 0;
  #out = "";

  constructor(text: string, pointers: readonly string[], change: (value: string) => string) {
    this.#text = text;
    this.#pointers = pointers;
    this.#change = change;
  }

  whole(): string {
    // The path to the value at hand, and in each array around it the place of the next one; no recursion, for bodies may be deep.
    const path: string[] = [];
    const places: (number | null)[] = [];
    let value = true;
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      if (character === "{" || character === "[") {
        places.push(character === "[" ? 0 : null);
        path.push("0");
        value = character === "[";
      } else if (character === "}" || character === "]") {
        places.pop();
        path.pop();
      } else if (character === ",") {
        const place = places.at(-1) ?? null;
        if (place !== null) {
          places[places.length - 1] = place + 1;
          path[path.length - 1] = String(place + 1);
        }
        value = place !== null;
      } else if (character === ":") {
        value = true;
      } else if (!/\s/.test(character)) {
        const token = this.#token(character === '"' ? STRING : SCALAR);
        if (!value) path[path.length - 1] = unquoted(token).replaceAll("~", "~0").replaceAll("/", "~1");
        else if (this.#wanted(path)) this.#rewrite(token);
        this.#at += token.length;
        continue;
      }
      this.#at++;
    }
    return this.#out + this.#text.slice(this.#copied);
  }

  #token(kind: RegExp): string {
    kind.lastIndex = this.#at;
    return kind.exec(this.#text)?.[0] ?? this.#text.charAt(this.#at);
  }

  #wanted(path: readonly string[]): boolean {
    if (this.#pointers.length === 0) return true;
    const here = `/${path.join("/")}/`;
    return this.#pointers.some((pointer) => here.startsWith(`${pointer}/`));
  }

  #rewrite(token: string): void {
    const value = unquoted(token);
    const changed = this.#change(value);
    if (changed === value) return;
    this.#out += this.#text.slice(this.#copied, this.#at) + JSON.stringify(changed);
    this.#copied = this.#at + token.length;
  }
}

function unquoted(token: string): string {
  if (!token.startsWith('"')) return token;
  return token.includes("\\") ? (JSON.parse(token) as string) : token.slice(1, -1);
}
