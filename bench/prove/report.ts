import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export interface Claim {
  /** What is promised, in words, with its limit. */
  text: string;
  value: number;
  passed: boolean;
}

/** What one proof has measured. */
export interface Findings {
  /** Name, with its unit → one number, or one number per round. */
  figures: Record<string, number | number[] | Record<string, number>>;
  claims: Claim[];
  /** What was done in the run, and when, in words. */
  schedule?: readonly string[];
  /** As the server under test says it. */
  redisVersion: string;
}

export interface ProofOptions {
  /** A small run that shows that the proof works; its figures prove nothing. */
  isQuick: boolean;
  seed: number;
  /** Says what is going on. */
  log: (line: string) => void;
  /** A llama-server binary; without one, nothing is claimed against it. */
  llamaServer?: string | null;
}

export type Proof = (options: ProofOptions) => Promise<Findings>;

export interface Report {
  name: string;
  quick: boolean;
  seed: number;
  date: string;
  commit: { id: string; dirty: boolean };
  machine: { cpu: string; cores: number; memory_gib: number; node: string; redis: string };
  figures: Findings["figures"];
  claims: Claim[];
  schedule?: readonly string[];
}

const git = async (...args: string[]) => (await promisify(execFile)("git", args, { cwd: import.meta.dirname })).stdout.trim();

/** What the working tree differs by; reports themselves, and what proofs draw, change nothing. */
const changesOf = () => git("status", "--porcelain", "--", ":/", ":(top,exclude)bench/results", ":(top,exclude)docs/images");

/** @param running the proof, so that the commit is the one that it began with */
export async function makeReport(
  name: string,
  { isQuick, seed }: ProofOptions,
  running: Findings | Promise<Findings>,
): Promise<Report> {
  const processors = cpus();
  const [[id, changes], findings] = await Promise.all([Promise.all([git("rev-parse", "HEAD"), changesOf()]), running]);
  return {
    name,
    quick: isQuick,
    seed,
    date: new Date().toISOString(),
    commit: { id, dirty: changes !== "" },
    machine: {
      cpu: processors[0]?.model ?? "unknown",
      cores: processors.length,
      memory_gib: Math.round(totalmem() / 2 ** 30),
      node: process.version,
      redis: findings.redisVersion,
    },
    figures: findings.figures,
    claims: findings.claims,
    ...(findings.schedule === undefined ? {} : { schedule: findings.schedule }),
  };
}

/** Writes the report and gives its path; a quick one never takes the place of a full one. */
export async function writeReport(report: Report, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${report.name}${report.quick ? ".quick" : ""}.json`);
  await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
  return path;
}

/** The report as lines for people. */
export function table(report: Report): string[] {
  const { machine, commit } = report;
  const rows = Object.entries(report.figures).flatMap(([name, value]) =>
    typeof value === "number" ? [[name, shown(value)]] : [],
  );
  const width = Math.max(...rows.map(([name]) => name?.length ?? 0));
  return [
    `${report.name}${report.quick ? " (quick)" : ""}, seed ${report.seed}, commit ${commit.id.slice(0, 12)}${commit.dirty ? " with changes" : ""}`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB, Node ${machine.node}, Redis ${machine.redis}`,
    ...rows.map(([name, value]) => `  ${name?.padEnd(width)}  ${value}`),
    ...report.claims.map(({ passed, text, value }) => `${passed ? "holds" : "FAILS"}: ${text} (${shown(value)})`),
  ];
}

function shown(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString("en-US") : value.toLocaleString("en-US", { maximumFractionDigits: 3 });
}
