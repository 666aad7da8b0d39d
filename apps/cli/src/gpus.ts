import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { AppError } from "@llamero/core";
import type { Env } from "@llamero/process";

const run = promisify(execFile);
const QUERY = ["--query-gpu=index,name,memory.total", "--format=csv,noheader"];
const ADVICE = "Install the NVIDIA driver, or leave out --gpus and LLAMERO_GPUS.";

export interface Gpu {
  /** As nvidia-smi counts: in the order of the PCI bus. */
  readonly index: number;
  readonly name: string;
  /** As nvidia-smi prints it. */
  readonly memory: string;
}

async function listGpus(env: Env): Promise<Gpu[]> {
  const { stdout } = await run("nvidia-smi", QUERY, { env: { ...env } }).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "ENOENT" ? "is not on PATH" : "failed";
    throw new AppError("gpu_unavailable", `GPUs are asked for, but nvidia-smi, which lists them, ${why}. ${ADVICE}`, { cause });
  });
  return Array.from(stdout.matchAll(/^(\d+), (.+), (.+)$/gm), ([, index, name = "", memory = ""]) => {
    return { index: Number(index), name, memory };
  });
}

/**
 * The GPUs of this machine that are asked for.
 * @throws AppError `gpu_unavailable` naming those that exist when one does not
 */
export async function findGpus(wanted: "all" | readonly number[], env: Env): Promise<Gpu[]> {
  const found = await listGpus(env);
  if (found.length === 0) throw new AppError("gpu_unavailable", `nvidia-smi lists no GPU. ${ADVICE}`);
  if (wanted === "all") return found;
  const missing = wanted.filter((index) => !found.some((gpu) => gpu.index === index));
  if (missing.length > 0) {
    const names = found.map(({ index, name, memory }) => `${index} (${name}, ${memory})`).join(", ");
    throw new AppError("gpu_unavailable", `There is no GPU ${missing.join(", ")} on this machine. GPUs: ${names}.`);
  }
  return found.filter(({ index }) => wanted.includes(index));
}
