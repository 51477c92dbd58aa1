// Write a Weir interceptor in JavaScript or TypeScript. What is exported is documented in index.d.ts.

export { Batch, BodyRanges, Event } from "./batch.js";
export { count, log } from "./host.js";
export { Interceptor } from "./interceptor.js";
export { absent, optional, required, Settings, SettingsError } from "./settings.js";
export { decode, decodeLossy, encode } from "./text.js";
export { discard, Fault, keep, reject, Verdict } from "./verdict.js";
