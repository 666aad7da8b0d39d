import { execFile } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What the addon and llama-batched-bench are built from. */
const NEEDED = ["CMakeLists.txt", "LICENSE", "cmake", "common", "ggml", "include", "licenses", "src", "tools", "vendor"];
/** The server's web interface, a large part of the source, is in no target that is built. */
const NOT_NEEDED = ["tools/ui"];

/** A change that node-llama-cpp makes to llama.cpp before it builds it, unless the source has it already. */
async function applyPatch(source: string, patch: string): Promise<void> {
  const apply = (...flags: string[]) => run("git", ["apply", ...flags, patch], { cwd: source });
  const isApplied = await apply("--check", "--reverse").then(
    () => true,
    () => false,
  );
  if (!isApplied) await apply();
}

/** Puts the llama.cpp source that comes with node-llama-cpp into a new folder, as node-llama-cpp itself would build it. */
export async function unpackLlamaSource(root: string, folder: string): Promise<{ committedAtS: number }> {
  const llama = join(root, "node_modules", "node-llama-cpp", "llama");
  await run("git", ["clone", "--quiet", join(llama, "gitRelease.bundle"), folder]);
  const { stdout } = await run("git", ["log", "-1", "--format=%ct"], { cwd: folder });
  const patches = await readdir(join(llama, "patches"));
  for (const patch of patches.toSorted()) await applyPatch(folder, join(llama, "patches", patch));
  const others = (await readdir(folder)).filter((name) => !NEEDED.includes(name));
  for (const path of [...others, ...NOT_NEEDED]) await rm(join(folder, path), { recursive: true });
  return { committedAtS: Number(stdout) };
}
