// Masks card numbers and e-mail addresses; see the README for settings.

import { absent, count, type Event, Interceptor, keep, optional, reject, type Settings, SettingsError, type Verdict } from "weir-interceptor";

import { maskCards } from "./cards.ts";
import { maskEmails } from "./emails.ts";
import { rewrite } from "./json.ts";

export default class Redact extends Interceptor {
  static override parameters = [
    optional("kinds", "what is masked, separated by commas: `card`, `email`", "card,email"),
    optional("body", "whether bodies are looked through: `true` or `false`", "true"),
    absent("fields", "JSON pointers of the fields that are looked through, separated by commas; without it the whole body is"),
    absent("headers", "headers that are looked through, separated by commas"),
    optional("keep_last", "digits of a card number that stay, 0 to 4", "4"),
    optional("keep_domain", "whether an address's domain stays: `true` or `false`", "true"),
    optional("mask", "the character in place of what is masked", "*"),
    optional("binary", "what becomes of an event whose body is not UTF-8, so cannot be looked through: `keep` or `reject`", "reject"),
  ];

  readonly #cards: boolean;
  readonly #emails: boolean;
  readonly #body: boolean;
  readonly #fields: string[];
  readonly #headers: string[];
  readonly #keepLast: number;
  readonly #keepDomain: boolean;
  readonly #mask: string;
  readonly #rejectBinary: boolean;

  constructor(settings: Settings) {
    super(settings);
    const kinds = settings.list("kinds");
    const odd = kinds.find((kind) => kind !== "card" && kind !== "email");
    if (odd !== undefined || kinds.length === 0) throw new SettingsError(`\`kinds\` must be of \`card\` and \`email\`, not \`${odd ?? ""}\``);
    this.#cards = kinds.includes("card");
    this.#emails = kinds.includes("email");
    this.#body = settings.boolean("body");
    this.#fields = settings.list("fields");
    const noPointer = this.#fields.find((field) => !field.startsWith("/") || /~(?![01])/.test(field));
    if (noPointer !== undefined) throw new SettingsError(`\`fields\` must be JSON pointers, such as \`/card/number\`, not \`${noPointer}\``);
    this.#headers = settings.list("headers");
    this.#keepLast = settings.integer("keep_last");
    if (this.#keepLast < 0 || this.#keepLast > 4) throw new SettingsError(`\`keep_last\` must be 0 to 4, not ${this.#keepLast}`);
    this.#keepDomain = settings.boolean("keep_domain");
    this.#mask = settings.text("mask");
    if (!/^[^\p{Cc}\p{Cs}"\\]$/u.test(this.#mask)) throw new SettingsError("`mask` must be one character, and none that JSON escapes");
    const binary = settings.text("binary");
    if (binary !== "keep" && binary !== "reject") throw new SettingsError(`\`binary\` must be \`keep\` or \`reject\`, not \`${binary}\``);
    this.#rejectBinary = binary === "reject";
  }

  override intercept(event: Event): Verdict {
    if (this.#body && !this.#redactBody(event)) return reject("the body is not UTF-8, so what is in it cannot be masked");
    for (const name of this.#headers) {
      const text = event.headerText(name);
      if (text === null) continue;
      const masked = this.#redact(text);
      if (masked !== text) event.setHeader(name, masked);
    }
    return keep;
  }

  /** Whether it could be looked through, or need not be. */
  #redactBody(event: Event): boolean {
    const text = event.bodyText;
    if (text === null) return event.body === null || !this.#rejectBinary;
    // Most bodies hold neither, and are not taken apart.
    if (!/[0-9](?:[ -]?[0-9]){12}|@|\\/.test(text)) return true;
    const masked = rewrite(text, this.#fields, (value) => this.#redact(value)) ?? (this.#fields.length === 0 ? this.#redact(text) : text);
    if (masked !== text) event.setBody(masked);
    return true;
  }

  #redact(text: string): string {
    const seen = (name: string) => () => count(name);
    let masked = text;
    if (this.#cards) masked = maskCards(masked, this.#keepLast, this.#mask, seen("cards_masked"));
    if (this.#emails) masked = maskEmails(masked, this.#keepDomain, this.#mask, seen("emails_masked"));
    return masked;
  }
}
