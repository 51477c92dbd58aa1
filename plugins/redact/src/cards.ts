// Card numbers: 13 to 19 digits that pass the Luhn check, in one piece or in groups with single spaces or dashes between.

const RUN = /[0-9]+(?:[ -][0-9]+)*/g;
const SHORTEST = 13;
const LONGEST = 19;

/** The text with every card number masked but for its last digits; what stands between groups stays. */
export function maskCards(text: string, keepLast: number, mask: string, seen: () => void): string {
  return text.replace(RUN, (run, at: number) => {
    if (run.length < SHORTEST) return run;
    // Part of a longer word, a hash or an identifier.
    if (/[\p{L}_]/u.test(text.charAt(at - 1)) || /[\p{L}_]/u.test(text.charAt(at + run.length))) return run;
    return maskRun(run, keepLast, mask, seen);
  });
}

/** A card may have other numbers before and behind it: every row of whole groups is tried, the longest first. */
function maskRun(run: string, keepLast: number, mask: string, seen: () => void): string {
  // Groups at even places, what separates them at odd ones.
  const parts = run.split(/([ -])/);
  let out = "";
  for (let from = 0; from < parts.length; ) {
    const to = lastOfCard(parts, from);
    if (to === null) {
      out += parts[from]! + (parts[from + 1] ?? "");
      from += 2;
      continue;
    }
    seen();
    out += masked(parts.slice(from, to + 1).join(""), keepLast, mask) + (parts[to + 1] ?? "");
    from = to + 2;
  }
  return out;
}

/** The last group of the longest card number that begins with this one. */
function lastOfCard(parts: readonly string[], from: number): number | null {
  let digits = "";
  let last: number | null = null;
  for (let at = from; at < parts.length && digits.length <= LONGEST; at += 2) {
    digits += parts[at]!;
    if (digits.length >= SHORTEST && digits.length <= LONGEST && luhn(digits)) last = at;
  }
  return last;
}

function masked(card: string, keepLast: number, mask: string): string {
  let left = card.replace(/[^0-9]/g, "").length - keepLast;
  return card.replace(/[0-9]/g, (digit) => (left-- > 0 ? mask : digit));
}

function luhn(digits: string): boolean {
  // All zeros pass, and are no card.
  if (/^0+$/.test(digits)) return false;
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    let digit = digits.charCodeAt(digits.length - 1 - place) - 48;
    if (place % 2 === 1) digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
    sum += digit;
  }
  return sum % 10 === 0;
}
