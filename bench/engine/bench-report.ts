import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { getModuleVersion } from "node-llama-cpp";
import { makeReport, type Report } from "../prove/report.ts";
import type { Comparison } from "./compare.ts";
import { type Figures, figuresOf, type Ratio, ratiosOf } from "./figures.ts";
import type { BenchSettings } from "./settings.ts";

export interface BenchReport extends Omit<Report, "figures" | "claims"> {
  settings: Omit<BenchSettings, "out" | "llamaServer" | "seed" | "isQuick"> & { model_bytes: number };
  versions: Record<string, string>;
  figures: Figures[];
  ratios: Ratio[];
  /** Loads that could not be measured, and why. */
  failures: string[];
}

export async function benchReport(
  settings: BenchSettings,
  path: string,
  { cells, failures }: Comparison,
  versions: { redis: string; server: string | null },
): Promise<BenchReport> {
  const { out: _out, llamaServer: _server, seed, isQuick, ...kept } = settings;
  const model = basename(settings.model);
  const options = { isQuick, seed, log: () => {} };
  const report = await makeReport(`engine-${model.replace(/\.gguf$/, "")}`, options, {
    figures: {},
    claims: [],
    redisVersion: versions.redis,
  });
  const { figures: _figures, claims: _claims, ...head } = report;
  return {
    ...head,
    settings: { ...kept, model, model_bytes: (await stat(path)).size },
    versions: {
      "node-llama-cpp": await getModuleVersion(),
      ...(versions.server === null ? {} : { "llama-server": versions.server }),
    },
    figures: cells.flatMap(figuresOf),
    ratios: cells.flatMap(ratiosOf),
    failures,
  };
}

const columns: readonly [string, (figures: Figures) => string][] = [
  ["prompt", ({ prompt_tokens }) => String(prompt_tokens)],
  ["slots", ({ slots }) => String(slots)],
  ["contestant", ({ contestant }) => contestant],
  ["tokens/s", ({ tokens_per_s }) => tokens_per_s.toFixed(1)],
  ["occupancy", ({ batch_occupancy }) => batch_occupancy?.toFixed(3) ?? "-"],
  ["first p50 ms", ({ first_token_p50_ms }) => first_token_p50_ms.toFixed(0)],
  ["first p99 ms", ({ first_token_p99_ms }) => first_token_p99_ms.toFixed(0)],
  ["CPU s/1000", ({ cpu_s_per_1000_tokens }) => cpu_s_per_1000_tokens?.toFixed(2) ?? "-"],
  ["loop µs", ({ loop_us_per_token }) => loop_us_per_token?.toFixed(0) ?? "-"],
  ["RSS MiB", ({ peak_rss_mib }) => peak_rss_mib.toFixed(0)],
];

/** The report as lines for people. */
export function benchTable({ name, seed, commit, machine, figures, ratios }: BenchReport): string[] {
  const rows = [columns.map(([title]) => title), ...figures.map((line) => columns.map(([, show]) => show(line)))];
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return [
    `${name}, seed ${seed}, commit ${commit.id.slice(0, 12)}${commit.dirty ? " with changes" : ""}`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB, Node ${machine.node}`,
    ...rows.map((row) => row.map((text, column) => text.padStart(widths[column] ?? 0)).join("  ")),
    ...ratios.map((ratio) => `prompt ${ratio.prompt_tokens}, ${ratio.slots} slots: ${ratio.name} = ${ratio.value.toFixed(2)}`),
  ];
}
