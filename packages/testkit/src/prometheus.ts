import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";

/** A value of a query's answer. */
export interface PrometheusSample {
  metric: Record<string, string>;
  value: number;
}

/** A real Prometheus that scrapes every second. */
export interface TestPrometheus {
  url: string;
  query(expression: string): Promise<PrometheusSample[]>;
  /** Names of the alerts that fire. */
  firing(): Promise<string[]>;
  close(): Promise<void>;
}

export interface PrometheusOptions {
  /** Job → `host:port` of what it scrapes. */
  targets: Record<string, readonly string[]>;
  /** Alert rules, as a rules file has them. */
  rules: string;
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`prometheus ended with code ${child.exitCode}; \`npm test\` installs it`);
    const response = await fetch(`${url}/-/ready`).catch(() => null);
    if (response?.ok === true) return;
    // It says so on no channel of its own.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function startPrometheus({ targets, rules }: PrometheusOptions): Promise<TestPrometheus> {
  const dir = await mkdtemp(join(tmpdir(), "llamero-prometheus-"));
  const scraped = Object.entries(targets).map(
    ([job, list]) => `  - job_name: ${job}\n    static_configs: [{ targets: ${JSON.stringify(list)} }]\n`,
  );
  await writeFile(join(dir, "rules.yml"), rules);
  await writeFile(
    join(dir, "prometheus.yml"),
    `global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [rules.yml]\nscrape_configs:\n${scraped.join("")}`,
  );
  const address = `127.0.0.1:${await freePort()}`;
  const flags = ["--log.level=warn", `--config.file=${join(dir, "prometheus.yml")}`, `--storage.tsdb.path=${join(dir, "data")}`];
  const child = spawn("prometheus", [...flags, `--web.listen-address=${address}`], { stdio: ["ignore", "ignore", "inherit"] });
  const failed = once(child, "error").then(([error]) => Promise.reject(error));
  failed.catch(() => {});
  const url = `http://${address}`;
  await Promise.race([untilReady(url, child), failed]);
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(`${url}/api/v1/${path}`);
    const body = (await response.json()) as { status: string; data: unknown; error?: string };
    if (body.status !== "success") throw new Error(`${path}: ${body.error}`);
    return body.data;
  };
  return {
    url,
    query: async (expression) => {
      const data = (await ask(`query?query=${encodeURIComponent(expression)}`)) as {
        result: { metric: Record<string, string>; value: [number, string] }[];
      };
      return data.result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
    },
    firing: async () => {
      const { alerts } = (await ask("alerts")) as { alerts: { labels: Record<string, string>; state: string }[] };
      return alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels["alertname"] ?? "");
    },
    close: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      await rm(dir, { recursive: true });
    },
  };
}
