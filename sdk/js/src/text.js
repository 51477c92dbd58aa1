// UTF-8 both ways, for QuickJS, which has neither TextDecoder nor TextEncoder; elsewhere the engine's own.

const CHUNK = 8192;
const ASCII = /^[\x00-\x7f]*$/;
const native = typeof TextDecoder === "undefined" ? null : { strict: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }), lossy: new TextDecoder("utf-8", { ignoreBOM: true }), encoder: new TextEncoder() };

/** The text, or null where it is not UTF-8. */
export function decode(bytes) {
  if (native !== null) return orNull(() => native.strict.decode(bytes));
  const latin = latin1(bytes);
  if (ASCII.test(latin)) return latin;
  // `escape` writes a byte as %XX, and `decodeURIComponent` reads those as UTF-8, strictly.
  return orNull(() => decodeURIComponent(escape(latin)));
}

/** The text with U+FFFD for what is not UTF-8. */
export function decodeLossy(bytes) {
  if (native !== null) return native.lossy.decode(bytes);
  return decode(bytes) ?? repaired(bytes);
}

/** The text of a whole column where that is ASCII, so that events' texts are slices of it; otherwise null. */
export function decodeAscii(bytes) {
  const latin = latin1(bytes);
  return ASCII.test(latin) ? latin : null;
}

/** The text's UTF-8; a lone surrogate becomes U+FFFD. */
export function encode(text) {
  if (native !== null) return native.encoder.encode(text);
  if (ASCII.test(text)) return ascii(text);
  const bytes = [];
  for (const character of text) {
    const point = character.codePointAt(0);
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), continued(point));
    else if (point >= 0xd800 && point < 0xe000) bytes.push(0xef, 0xbf, 0xbd);
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), continued(point >> 6), continued(point));
    else bytes.push(0xf0 | (point >> 18), continued(point >> 12), continued(point >> 6), continued(point));
  }
  return Uint8Array.from(bytes);
}

function continued(bits) {
  return 0x80 | (bits & 0x3f);
}

function ascii(text) {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** A character for each byte. */
function latin1(bytes) {
  if (bytes.length <= CHUNK) return String.fromCharCode.apply(null, bytes);
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK));
  return text;
}

function orNull(read) {
  try {
    return read();
  } catch {
    return null;
  }
}

/** One U+FFFD for each longest beginning of a character that is cut short, as the WHATWG says. */
function repaired(bytes) {
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const lead = bytes[at++];
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const needed = lead >= 0xc2 && lead <= 0xdf ? 1 : lead >= 0xe0 && lead <= 0xef ? 2 : lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
    let point = needed === 0 ? 0 : lead & (0x3f >> needed);
    let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    let left = needed;
    while (left > 0 && at < bytes.length && bytes[at] >= low && bytes[at] <= high) {
      point = (point << 6) | (bytes[at++] & 0x3f);
      low = 0x80;
      high = 0xbf;
      left--;
    }
    text += needed === 0 || left > 0 ? "\ufffd" : String.fromCodePoint(point);
  }
  return text;
}

/** What other people's modules expect to find. */
export function provideGlobals() {
  globalThis.TextDecoder ??= class TextDecoder {
    constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
      if (!/^utf-?8$/i.test(label)) throw new RangeError(`only utf-8 can be decoded here, not ${label}`);
      this.encoding = "utf-8";
      this.fatal = fatal;
      this.ignoreBOM = ignoreBOM;
    }

    decode(input = new Uint8Array()) {
      const bytes = input instanceof Uint8Array ? input : ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
      const text = this.fatal ? decode(bytes) : decodeLossy(bytes);
      if (text === null) throw new TypeError("The encoded data was not valid for encoding utf-8");
      return !this.ignoreBOM && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
    }
  };
  globalThis.TextEncoder ??= class TextEncoder {
    encoding = "utf-8";

    encode(text = "") {
      return encode(String(text));
    }
  };
}
