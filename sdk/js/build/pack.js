// Around `npm pack`: in the repository `wit` is a link to the contract, and npm does not pack what links lead to.

import { cpSync, lstatSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

const wit = fileURLToPath(new URL("../wit", import.meta.url));

if (process.argv[2] === "take" && lstatSync(wit).isSymbolicLink()) {
  const contract = realpathSync(wit);
  rmSync(wit);
  cpSync(contract, wit, { recursive: true });
}
if (process.argv[2] === "leave" && !lstatSync(wit).isSymbolicLink()) {
  rmSync(wit, { recursive: true });
  symlinkSync("../../wit", wit);
}
