// E-mail addresses: found from the `@` outwards, so that the time is linear in the text, whatever is in it.

const LOCAL = /[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]/u;
const DOMAIN = /[\p{L}\p{N}.-]/u;
const LONGEST_LOCAL = 64;
const LONGEST_DOMAIN = 253;

/** The text with what stands before each address's `@` masked, and its domain too unless it stays. */
export function maskEmails(text: string, keepDomain: boolean, mask: string, seen: () => void): string {
  let masked = "";
  let done = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    let start = at;
    while (start > done && at - start < LONGEST_LOCAL && LOCAL.test(text.charAt(start - 1))) start--;
    let end = at + 1;
    while (end < text.length && end - at <= LONGEST_DOMAIN && DOMAIN.test(text.charAt(end))) end++;
    // A sentence's full stop is not the domain's.
    while (end > at + 1 && /[.-]/.test(text.charAt(end - 1))) end--;
    const domain = text.slice(at + 1, end);
    if (start === at || !/^[^.]+(\.[^.]+)+$/.test(domain)) continue;
    seen();
    masked += text.slice(done, start) + mask.repeat(3) + "@" + (keepDomain ? domain : mask.repeat(3));
    done = end;
  }
  return masked + text.slice(done);
}
