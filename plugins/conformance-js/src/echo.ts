// All that an event is, in a line.

import type { Event } from "weir-interceptor";

/** Longer values are named by their length. */
const SHOWN = 64;

/** `key=K;timestamp=T;body=B;headers=N=V,N=V`, values in hex. */
export function echo(event: Event): string {
  const headers = event.headers().map(([name, value]) => `${hex(name)}=${shown(value)}`);
  return `key=${shown(event.key)};timestamp=${event.timestamp};body=${shown(event.body)};headers=${headers.join(",")}`;
}

function shown(value: Uint8Array | null): string {
  if (value === null) return "null";
  return value.length > SHOWN ? `len:${value.length}` : hex(value);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
