#!/usr/bin/env node
// `weir-interceptor build [-o FILE]` makes the component of the plugin in the working directory, `weir-interceptor test` runs its tests.

import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

import { build, BuildError } from "../build/build.js";
import { test } from "../build/test.js";

const USAGE = `usage: weir-interceptor build [-o FILE]    makes build/NAME.wasm of the plugin in the working directory
       weir-interceptor test               runs test/*.test.ts and test/*.test.js`;

async function main() {
  let given;
  try {
    given = parseArgs({ allowPositionals: true, options: { output: { type: "string", short: "o" }, help: { type: "boolean", short: "h" } } });
  } catch (error) {
    console.error(`error: ${error.message}\n${USAGE}`);
    return 64;
  }
  if (given.values.help) {
    console.log(USAGE);
    return 0;
  }
  const [command, ...rest] = given.positionals;
  if (rest.length > 0 || (command !== "build" && command !== "test")) {
    console.error(USAGE);
    return 64;
  }
  const output = given.values.output === undefined ? undefined : path.resolve(given.values.output);
  try {
    if (command === "test") return await test(process.cwd());
    await build(process.cwd(), output, (step) => console.log(step));
    return 0;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(`error: ${error.message}`);
    return 1;
  }
}

process.exitCode = await main();
