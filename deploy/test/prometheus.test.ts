import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { metricsTable } from "@llamero/process";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const promtool = (...args: string[]) => promisify(execFile)("promtool", args, { cwd: join(root, "deploy/prometheus") });

const rules = await readFile(join(root, "deploy/prometheus/alerts.yml"), "utf8");
const alerts = Array.from(rules.matchAll(/- alert: (\w+)/g), ([, name]) => name ?? "");

test("Prometheus takes its configuration and the rules", async () => {
  expect((await promtool("check", "config", "prometheus.yml")).stdout).toContain(`SUCCESS: ${alerts.length} rules found`);
});

test("each rule fires when it should, and none while all is well", async () => {
  expect((await promtool("test", "rules", "alerts.test.yml")).stdout).toContain("SUCCESS");
});

test.each(alerts)("%s is tested, and docs/operations.md says what to do", async (alert) => {
  expect(await readFile(join(root, "deploy/prometheus/alerts.test.yml"), "utf8")).toContain(`- name: ${alert}\n`);
  expect(await readFile(join(root, "docs/operations.md"), "utf8")).toContain(`| \`${alert}\` |`);
});

test("rules and dashboards ask for metrics that there are", async () => {
  const dashboard = await readFile(join(root, "deploy/grafana/dashboards/llamero.json"), "utf8");
  const asked = new Set(Array.from(`${rules}${dashboard}`.matchAll(/\bllamero_[a-z_]+/g), ([name]) => name));
  const known = new Set(
    Object.entries(metricsTable).flatMap(([name, { type }]) =>
      type === "histogram" ? [`${name}_bucket`, `${name}_count`] : [name],
    ),
  );
  expect([...asked].filter((name) => !known.has(name))).toEqual([]);
});
