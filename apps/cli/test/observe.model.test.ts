import { readFile } from "node:fs/promises";
import { metricsTable, type ProcessName } from "@llamero/process";
import { freePort, type LlameroProcess, startPrometheus, type TestPrometheus, WebhookReceiver } from "@llamero/testkit";
import { expect, test, vi } from "vitest";
import { type Client, Deployment, longJob, sentiment } from "./deployment.ts";

const deploy = (path: string) => readFile(new URL(`../../../deploy/${path}`, import.meta.url), "utf8");

/** The rules as they are, but for how long something is looked at. */
const hastyRules = async () =>
  (await deploy("prometheus/alerts.yml")).replaceAll(/for: \S+/g, "for: 1s").replaceAll(/\[\d+m\]/g, "[5s]");

const target = ({ ready }: LlameroProcess) => new URL(ready.ops_url ?? "").host;

async function until(what: () => Promise<unknown>, timeout = 30_000): Promise<void> {
  await vi.waitFor(what, { timeout, interval: 100 });
}

/** Something of everything that metrics tell of. */
async function useAll(api: Client, receiver: WebhookReceiver): Promise<void> {
  const webhook = { url: receiver.url, secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}` };
  const again = { ...sentiment, params: { temperature: 0 } };
  const long = { ...longJob, params: { ...longJob.params, max_tokens: 16 } };
  const jobs = [{ ...sentiment, webhook }, long, again, again, { type: "embedding", model: "tiny", input: ["one", "two"] }];
  for (const body of jobs) await api.ended((await api.submit(body)).id);
  await until(async () => expect(receiver.received).toHaveLength(1));
}

async function expectAllMetrics(prometheus: TestPrometheus): Promise<void> {
  const jobs: Partial<Record<ProcessName, string>> = {
    api: "llamero-api",
    worker: "llamero-worker",
    dispatcher: "llamero-dispatcher",
  };
  for (const [name, { type, exportedBy }] of Object.entries(metricsTable)) {
    const series = type === "histogram" ? `${name}_count` : name;
    const found = (await prometheus.query(series)).map(({ metric }) => metric["job"]);
    expect([...new Set(found)].sort(), name).toEqual(exportedBy.map((process) => jobs[process]).sort());
  }
}

/** Of a rate, two scrapes are enough. */
async function expectDashboardsShowSomething(prometheus: TestPrometheus): Promise<void> {
  const { panels } = JSON.parse(await deploy("grafana/dashboards/llamero.json")) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
  expect(queries.length).toBeGreaterThan(30);
  for (const { title, expr } of queries) {
    const samples = await prometheus.query(expr.replaceAll("$__rate_interval", "1m"));
    expect(samples.length, `${title}: ${expr}`).toBeGreaterThan(0);
  }
}

test("a real Prometheus sees every metric, the dashboard shows them, and alerts fire and clear", async () => {
  await using deployment = await Deployment.open({
    LLAMERO_OPS_PORT: "0",
    LLAMERO_REUSE: "all",
    LLAMERO_WEBHOOK_HTTP: "true",
    LLAMERO_WEBHOOK_ALLOW: "127.0.0.0/8",
  });
  const workerPort = String(await freePort());
  const startWorker = () => deployment.start("worker", { LLAMERO_OPS_PORT: workerPort });
  const [api, worker, dispatcher] = await Promise.all([deployment.startApi(), startWorker(), deployment.start("dispatcher")]);
  const receiver = await WebhookReceiver.start();
  const prometheus = await startPrometheus({
    targets: {
      "llamero-api": [target(api.process)],
      "llamero-worker": [target(worker)],
      "llamero-dispatcher": [target(dispatcher)],
    },
    rules: await hastyRules(),
  });
  try {
    await useAll(api, receiver);
    await until(() => expectAllMetrics(prometheus));
    await until(() => expectDashboardsShowSomething(prometheus));
    expect(await prometheus.firing()).toEqual([]);

    await worker.kill();
    const waiting = await api.submit({ ...sentiment, reuse: false });
    const firing = async (...names: string[]) => expect([...(await prometheus.firing())].sort()).toEqual(names);
    await until(() => firing("LlameroNoWorkers", "LlameroProcessDown"));
    await startWorker();
    await api.ended(waiting.id);
    await until(() => firing());

    await deployment.redis.kill();
    await until(() => firing("LlameroRedisDown"));
    await deployment.redis.restart();
    await until(() => firing());
  } finally {
    await prometheus.close();
    await receiver.goDown();
  }
});
