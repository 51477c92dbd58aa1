// Runs the tests of a TypeScript plugin: bundles test/*.test.ts, then `node --test`. Node learned TypeScript later than what we support.

import { spawnSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import path from "node:path";

import { BuildError, tool, TOOLS } from "./build.js";

/** The exit code of `node --test`. */
export async function test(folder) {
  const esbuild = await tool(folder, "esbuild", TOOLS.esbuild);
  const names = await readdir(path.join(folder, "test")).catch(() => []);
  const tests = names.filter((name) => /\.test\.[jt]s$/.test(name));
  if (tests.length === 0) throw new BuildError(`${path.join(folder, "test")}: no file is named *.test.ts`);
  const out = path.join(folder, "build", "test");
  await esbuild.build({
    entryPoints: tests.map((name) => path.join(folder, "test", name)),
    absWorkingDir: folder,
    bundle: true,
    platform: "node",
    format: "esm",
    sourcemap: "inline",
    outdir: out,
    outExtension: { ".js": ".mjs" },
    logLevel: "error",
  });
  const bundled = tests.map((name) => path.join(out, name.replace(/\.[jt]s$/, ".mjs")));
  return spawnSync(process.execPath, ["--enable-source-maps", "--test", ...bundled], { stdio: "inherit" }).status ?? 1;
}
