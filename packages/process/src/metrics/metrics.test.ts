import { expect, test } from "vitest";
import { createLogger } from "../logger.ts";
import { Metrics } from "./metrics.ts";
import { metricsTable } from "./metrics-table.ts";

function open(process: "api" | "worker" | "dispatcher" | "cli" = "api") {
  const lines: string[] = [];
  const logger = createLogger({ name: process, level: "info", destination: { write: (line) => void lines.push(line) } });
  const metrics = new Metrics(process, logger);
  const read = async (name: string) => (await metrics.text()).split("\n").filter((line) => line.startsWith(name));
  return { metrics, read, lines };
}

test("a process exports its own metrics, and those of Node", async () => {
  const { metrics } = open("worker");
  const text = await metrics.text();
  for (const [name, { exportedBy }] of Object.entries(metricsTable))
    expect(text.includes(`# HELP ${name} `), name).toBe((exportedBy as readonly string[]).includes("worker"));
  expect(text).toContain("nodejs_eventloop_lag_p99_seconds");
});

test("who starts others exports nothing", async () => {
  expect((await open("cli").metrics.text()).trim()).toBe("");
});

test("counts, observes and sets by labels, and ignores what is another process's", async () => {
  const { metrics, read } = open();
  metrics.count("llamero_http_requests_total", { operation: "submitJob", status: "202" });
  metrics.count("llamero_http_requests_total", { operation: "submitJob", status: "202" }, 2);
  metrics.observe("llamero_http_request_duration_seconds", { operation: "submitJob" }, 0.02);
  metrics.set("llamero_worker_jobs", { model: "tiny" }, 3);
  expect(await read("llamero_http_requests_total")).toEqual([
    'llamero_http_requests_total{operation="submitJob",status="202"} 3',
  ]);
  expect(await read("llamero_http_request_duration_seconds_bucket")).toContain(
    'llamero_http_request_duration_seconds_bucket{le="0.025",operation="submitJob"} 1',
  );
  expect(await read("llamero_worker_jobs")).toEqual([]);
});

test("what is counted elsewhere is replaced as a whole", async () => {
  const { metrics, read } = open();
  const sample = (model: string, value: number) => ({ model, class: "normal", state: "succeeded", value });
  metrics.replace("llamero_jobs_ended_total", [sample("a", 5), sample("b", 1)]);
  metrics.replace("llamero_jobs_ended_total", [sample("a", 7)]);
  expect(await read("llamero_jobs_ended_total")).toEqual([
    'llamero_jobs_ended_total{model="a",class="normal",state="succeeded"} 7',
  ]);
});

test("what cannot be read keeps back nothing else, and is logged", async () => {
  const { metrics, read, lines } = open();
  metrics.onCollect(() => Promise.reject(new Error("Redis is away")));
  metrics.onCollect(() => metrics.set("llamero_webhook_pending", {}, 4));
  expect(await read("llamero_webhook_pending")).toEqual(["llamero_webhook_pending 4"]);
  expect(lines.join()).toContain("Redis is away");
});

test.each(Object.entries(metricsTable))("%s is named by Prometheus's conventions", (name, { type, help }) => {
  expect(name).toMatch(/^llamero_[a-z_]+$/);
  expect(name.endsWith("_total")).toBe(type === "counter");
  if (type === "histogram") expect(name).toMatch(/_seconds$/);
  expect(help).toMatch(/\.$/);
});
