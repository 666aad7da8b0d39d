/** Makes the code in `src/gen` from the files in `proto`: `node packages/grpc/generate.ts`. */
import { execFileSync } from "node:child_process";
import { delimiter, join } from "node:path";

const here = import.meta.dirname;
const binaries = join(here, "../../node_modules/.bin");

/** @param folder gets `src/gen`. Default: this package's own. */
export function generate(folder: string = here): void {
  const env = { ...process.env, PATH: [binaries, process.env["PATH"]].join(delimiter) };
  execFileSync(join(binaries, "buf"), ["generate", "--output", folder], { cwd: here, env, stdio: "inherit" });
}

if (import.meta.main) generate();
