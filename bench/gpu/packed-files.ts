import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({ dev: z.boolean().optional(), devOptional: z.boolean().optional(), link: z.boolean().optional() }),
  ),
});

/** The Node of the repository: statically linked but for the C library, so that it runs on other distributions too. */
export const NODE_BINARY = "node_modules/node/bin/node";
/**
 * llama.cpp's prebuilt libraries, several hundred MB, for the machine builds its own; and the compiler of a package that npm
 * counts as optional at run time.
 */
const LEFT_OUT = ["node_modules/@node-llama-cpp/", "node_modules/@typescript/"];
const NODE_LLAMA_CPP = "node_modules/node-llama-cpp";
/** Of node-llama-cpp: prebuilt binaries, and within `llama/` what a source build leaves and the bundle, which is sent unpacked. */
const NOT_NEEDED = {
  package: ["bins", "llama", ".temp"],
  llama: ["gitRelease.bundle", "llama.cpp", "localBuilds", "lastBuild.json"],
};

/** Folders that npm installed for more than development, without those that lie within another. */
export async function runtimePackages(root: string): Promise<string[]> {
  const { packages } = lockSchema.parse(JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")));
  const folders = Object.entries(packages).flatMap(([folder, { dev, devOptional, link }]) => {
    const isLeftOut = dev || devOptional || link || LEFT_OUT.some((prefix) => folder.startsWith(prefix));
    return folder.includes("node_modules/") && !isLeftOut && existsSync(join(root, folder)) ? [folder] : [];
  });
  return folders.filter((folder) => !folders.some((other) => folder.startsWith(`${other}/`)));
}

async function childrenBut(root: string, folder: string, names: readonly string[]): Promise<string[]> {
  const children = await readdir(join(root, folder));
  return children.filter((child) => !names.includes(child)).map((child) => `${folder}/${child}`);
}

/** The links by which npm makes the workspaces known: `node_modules/@llamero/core` and the like. */
const workspaceLinks = (root: string) => childrenBut(root, "node_modules/@llamero", []);

/** What is in the working tree: all that git tracks, and what it would if it were told to. */
async function workingTree(root: string): Promise<string[]> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { stdout } = await promisify(execFile)("git", args, { cwd: root, maxBuffer: 2 ** 24 });
  return stdout.split("\0").filter((path) => path !== "" && existsSync(join(root, path)));
}

/** All that the benchmark needs on a machine that has compilers but no registry; paths are relative to the repository. */
export async function packedFiles(root: string): Promise<string[]> {
  const packages = await runtimePackages(root);
  return [
    ...(await workingTree(root)),
    ...packages.filter((folder) => folder !== NODE_LLAMA_CPP),
    ...(await childrenBut(root, NODE_LLAMA_CPP, NOT_NEEDED.package)),
    ...(await childrenBut(root, `${NODE_LLAMA_CPP}/llama`, NOT_NEEDED.llama)),
    ...(await workspaceLinks(root)),
    NODE_BINARY,
  ];
}
