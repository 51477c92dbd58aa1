// Builds the component of the plugin in a folder: esbuild bundles it, componentize-qjs makes the component, and give-back.js mends it.

import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { giveBack } from "./give-back.js";

/** What give-back.js was made for, and what bundles for it. */
export const TOOLS = { "componentize-qjs": "0.4.5", esbuild: "0.28.2" };

const WIT = fileURLToPath(new URL("../wit", import.meta.url));

/** What is wrong with the plugin's folder, in a sentence. */
export class BuildError extends Error {}

/** Makes the component; `say` is told each step. */
export async function build(folder, output, say) {
  const plugin = await manifest(folder);
  const tools = {};
  for (const [name, version] of Object.entries(TOOLS)) tools[name] = await tool(folder, name, version);
  output ??= path.join(folder, "build", `${plugin.name}.wasm`);
  await mkdir(path.dirname(output), { recursive: true });

  say(`esbuild ${plugin.main} --bundle --format=esm --platform=neutral --external:weir:*`);
  const jsSource = await bundle(tools.esbuild, folder, plugin);
  say(`componentize-qjs --wit ${WIT} --world plugin --stub-wasi --sync`);
  let made;
  try {
    made = await tools["componentize-qjs"].componentize({ witPath: WIT, jsSource, world: "plugin", stubWasi: true, sync: true });
  } catch (error) {
    throw new BuildError(`componentize-qjs, which runs ${plugin.main} while building: ${error.message}`);
  }
  const component = giveBack(new Uint8Array(made.component));
  // Written beside its place and moved there: a build that fails leaves the last one that did not.
  await writeFile(`${output}.part`, component);
  await rename(`${output}.part`, output);
  say(`${output}: ${plugin.name} ${plugin.version}, ${component.length.toLocaleString("en")} bytes`);
  return output;
}

/** Name, version and entry module, from package.json. */
async function manifest(folder) {
  const file = path.join(folder, "package.json");
  let plugin;
  try {
    plugin = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") throw new BuildError(`${file}: there is no such file; a JavaScript plugin has one`);
    throw new BuildError(`${file}: ${error.message}`);
  }
  for (const key of ["name", "version", "main"]) {
    if (typeof plugin[key] !== "string" || plugin[key] === "") throw new BuildError(`${file}: needs \`${key}\`, a text`);
  }
  return { name: plugin.name.replace(/^@.*\//, ""), version: plugin.version, main: plugin.main };
}

/** A tool of the plugin's own node_modules, in the version this package was made for. */
export async function tool(folder, name, version) {
  const require = createRequire(path.join(folder, "package.json"));
  let found;
  try {
    found = require(`${name}/package.json`).version;
  } catch {
    throw new BuildError(`${name} is missing; install it with: npm install --save-dev --save-exact ${name}@${version}`);
  }
  if (found !== version) {
    throw new BuildError(`${name} ${found} is installed, ${version} is wanted; install it with: npm install --save-dev --save-exact ${name}@${version}`);
  }
  const module = await import(pathToFileURL(require.resolve(name)).href);
  return module.default ?? module;
}

async function bundle(esbuild, folder, plugin) {
  const entry = `./${path.relative(folder, path.resolve(folder, plugin.main)).split(path.sep).join("/")}`;
  const contents = [
    `import { component } from "weir-interceptor/component";`,
    `import * as entry from ${JSON.stringify(entry)};`,
    `export const interceptor = component(entry.default, ${JSON.stringify(plugin.name)}, ${JSON.stringify(plugin.version)});`,
  ];
  try {
    const made = await esbuild.build({
      stdin: { contents: contents.join("\n"), resolveDir: folder, sourcefile: "entry.js" },
      absWorkingDir: folder,
      bundle: true,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["import", "default"],
      target: "es2023",
      external: ["weir:*"],
      charset: "utf8",
      keepNames: true,
      write: false,
      logLevel: "silent",
    });
    return made.outputFiles[0].text;
  } catch (error) {
    const messages = await esbuild.formatMessages(error.errors ?? [{ text: error.message }], { kind: "error" });
    throw new BuildError(messages.join("").trim());
  }
}
