import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs, promisify } from "node:util";
import { unpackLlamaSource } from "./llama-source.ts";
import { packedFiles } from "./packed-files.ts";
import { type Part, writeParts } from "./parts.ts";

export interface PackSettings {
  out: string;
  partBytes: number;
  compression: "xz" | "gz";
}

const USAGE = `Usage: npm run bench -- gpu-pack --out FOLDER [options]
  --out FOLDER     where the parts and the script that unpacks them go
  --part-mib N     size of a part at most (default 60)
  --gzip           for machines without xz; about a third larger`;

const MIB = 2 ** 20;
const root = join(import.meta.dirname, "..", "..");
const SCRIPT = "unpack-and-run.sh";
const compressors = { xz: ["xz", "-6", "--threads=0", "--stdout"], gz: ["gzip", "-9", "--stdout"] } as const;

/** @throws Error that says which argument is wrong */
export function parsePackSettings(args: readonly string[]): PackSettings {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { out: text, "part-mib": text, gzip: { type: "boolean", default: false } },
  });
  const { out, "part-mib": size = "60", gzip } = values;
  if (out === undefined) throw new Error("--out must name a folder");
  if (!/^[1-9]\d{0,4}$/.test(size)) throw new Error(`--part-mib must be a positive whole number, not "${size}"`);
  return { out, partBytes: Number(size) * MIB, compression: gzip ? "gz" : "xz" };
}

/** What the working tree is, in words that a report can name: the machine that measures has no git history. */
async function describeCommit(): Promise<string> {
  const git = async (...args: string[]) => (await promisify(execFile)("git", args, { cwd: root })).stdout.trim();
  const [id, changes] = await Promise.all([git("rev-parse", "HEAD"), git("status", "--porcelain")]);
  return changes === "" ? id : `${id} with changes`;
}

async function succeeded(child: ReturnType<typeof spawn>, name: string): Promise<void> {
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
}

/** An archive of `files` of the repository and of all that is in `staged`, cut into parts. */
async function archive(
  { out, partBytes, compression }: PackSettings,
  { staged, files, timeS }: { staged: string; files: string; timeS: number },
): Promise<Part[]> {
  const [compressor, ...flags] = compressors[compression];
  // The same time for every file, which changes with llama.cpp alone: unpacked anew, a build that was begun goes on.
  const same = [`--mtime=@${timeS}`, "--sort=name", "--owner=0", "--group=0", "--exclude=*.map"];
  const tar = spawn("tar", [...same, "-cf", "-", "-C", root, "--null", "-T", files, "-C", staged, "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const packer = spawn(compressor, flags, { stdio: ["pipe", "pipe", "inherit"] });
  const [parts] = await Promise.all([
    writeParts(packer.stdout, { folder: out, name: `llamero-gpu.tar.${compression}`, partBytes }),
    pipeline(tar.stdout, packer.stdin),
    succeeded(tar, "tar"),
    succeeded(packer, compressor),
  ]);
  return parts;
}

/** Packs all that a machine without a registry needs to build the engine for its GPU and to measure it. */
async function pack(settings: PackSettings): Promise<Part[]> {
  const temporary = await mkdtemp(join(tmpdir(), "llamero-pack-"));
  const [staged, files] = [join(temporary, "staged"), join(temporary, "files")];
  try {
    const { committedAtS } = await unpackLlamaSource(root, join(staged, "node_modules", "node-llama-cpp", "llama", "llama.cpp"));
    await writeFile(join(staged, "COMMIT"), await describeCommit());
    await writeFile(files, (await packedFiles(root)).join("\0"));
    const parts = await archive(settings, { staged, files, timeS: committedAtS });
    await copyFile(join(import.meta.dirname, SCRIPT), join(settings.out, SCRIPT));
    return parts;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Packs as the arguments say and prints the sizes. Gives the exit code. */
export async function runPack(args: readonly string[], log: (line: string) => void): Promise<number> {
  let settings: PackSettings;
  try {
    settings = parsePackSettings(args);
  } catch (error) {
    log(`${error instanceof Error ? error.message : error}\n${USAGE}`);
    return 2;
  }
  const parts = await pack(settings);
  for (const { name, sizeBytes } of parts) log(`${join(settings.out, name)}  ${(sizeBytes / MIB).toFixed(1)} MiB`);
  log(`There: sh ${SCRIPT} all`);
  return 0;
}
