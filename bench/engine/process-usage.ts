import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { platform } from "node:os";
import { promisify } from "node:util";

/** Linux counts CPU time in hundredths of a second, whatever the kernel's own tick (USER_HZ). */
const TICKS_PER_SECOND = 100;
/** Fields of /proc/PID/stat, counted from the one after the name in parentheses. */
const STAT = { parent: 1, userTicks: 11, systemTicks: 12 };

interface ProcessEntry {
  pid: number;
  parent: number;
  cpuSeconds: number;
  rssBytes: number;
}

export interface ProcessUsage {
  cpuSeconds: number;
  rssBytes: number;
}

/** Null: the process is gone. */
async function readLinux(pid: number): Promise<ProcessEntry | null> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, "utf8");
  try {
    const [stat, status] = await Promise.all([read("stat"), read("status")]);
    const fields = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    return {
      pid,
      parent: fields[STAT.parent] ?? 0,
      cpuSeconds: ((fields[STAT.userTicks] ?? 0) + (fields[STAT.systemTicks] ?? 0)) / TICKS_PER_SECOND,
      rssBytes: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024,
    };
  } catch {
    return null;
  }
}

/** `[[days-]hours:]minutes:seconds` → seconds. */
export function psSeconds(time: string): number {
  const [clock = "", days = "0"] = time.split("-").reverse();
  return clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) + Number(days) * 86_400;
}

async function readPs(): Promise<ProcessEntry[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,rss=,time="]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [pid = "", parent = "", rss = "", time = ""] = line.trim().split(/\s+/);
      return { pid: Number(pid), parent: Number(parent), cpuSeconds: psSeconds(time), rssBytes: Number(rss) * 1024 };
    });
}

async function readAll(): Promise<ProcessEntry[]> {
  if (platform() !== "linux") return readPs();
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  return (await Promise.all(pids.map(readLinux))).filter((entry) => entry !== null);
}

/** What the main thread of a process, the one that runs JavaScript, has used of the CPU so far; null where nothing tells. */
export async function mainThreadSeconds(pid: number): Promise<number | null> {
  try {
    const stat = await readFile(`/proc/${pid}/task/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[STAT.userTicks]) + Number(fields[STAT.systemTicks])) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}

/** The processes and all that descend from them. */
export async function withDescendants(roots: readonly number[]): Promise<number[]> {
  const all = await readAll();
  const found = new Set(roots);
  for (let size = 0; size !== found.size; ) {
    size = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

/** What several processes have used of the CPU so far and hold in memory now, together. */
export async function usageOf(pids: readonly number[]): Promise<ProcessUsage> {
  const wanted = new Set(pids);
  const entries =
    platform() === "linux"
      ? (await Promise.all(pids.map(readLinux))).filter((entry) => entry !== null)
      : (await readPs()).filter((entry) => wanted.has(entry.pid));
  return {
    cpuSeconds: entries.reduce((sum, entry) => sum + entry.cpuSeconds, 0),
    rssBytes: entries.reduce((sum, entry) => sum + entry.rssBytes, 0),
  };
}
