/**
 * The dashboard that Grafana shows, written down once: `node deploy/grafana/dashboard.ts --write` makes `dashboards/llamero.json` of it,
 * `--check` exits 1 when that is not the current one.
 */
import { readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("./dashboards/llamero.json", import.meta.url);
const COLUMNS = 24;
const HEIGHT = 8;

interface Panel {
  title: string;
  unit: string;
  /** Legend → expression. */
  queries: Record<string, string>;
  /** Of 24 columns. Default: 8. */
  width?: number;
  type?: "timeseries" | "stat";
}

const quantile = (q: number, metric: string, by = "") =>
  `histogram_quantile(${q}, sum by (le${by}) (rate(${metric}_bucket[$__rate_interval])))`;
const perModel = (expression: string) => ({ "{{model}}": expression });

const rows: Record<string, Panel[]> = {
  Queues: [
    {
      title: "Jobs that wait",
      unit: "short",
      queries: { "{{model}} {{class}}": 'max by (model, class) (llamero_jobs{state="queued"})' },
    },
    { title: "Oldest job that waits", unit: "s", queries: perModel("max by (model) (llamero_queue_oldest_seconds)") },
    {
      title: "Tokens that wait",
      unit: "short",
      queries: perModel("sum by (model) (max by (model, class) (llamero_queue_tokens))"),
    },
    {
      title: "Jobs that run, and slots",
      unit: "short",
      queries: {
        "{{model}} running": 'sum by (model) (max by (model, class) (llamero_jobs{state="running"}))',
        "{{model}} slots": "max by (model) (llamero_queue_slots)",
      },
    },
    {
      title: "Jobs that end",
      unit: "ops",
      queries: {
        "{{model}} {{state}}":
          "sum by (model, state) (max by (model, class, state) (rate(llamero_jobs_ended_total[$__rate_interval])))",
      },
    },
    { title: "Workers", unit: "short", queries: perModel("max by (model) (llamero_queue_workers)") },
  ],
  Latency: [
    {
      title: "Time in the queue",
      unit: "s",
      queries: {
        "p50 {{model}}": quantile(0.5, "llamero_job_queue_seconds", ", model"),
        "p99 {{model}}": quantile(0.99, "llamero_job_queue_seconds", ", model"),
      },
    },
    {
      title: "Time to the first token",
      unit: "s",
      queries: {
        "p50 {{model}}": quantile(0.5, "llamero_job_first_token_seconds", ", model"),
        "p99 {{model}}": quantile(0.99, "llamero_job_first_token_seconds", ", model"),
      },
    },
    {
      title: "Time per token",
      unit: "s",
      queries: {
        "p50 {{model}}": quantile(0.5, "llamero_job_token_seconds", ", model"),
        "p99 {{model}}": quantile(0.99, "llamero_job_token_seconds", ", model"),
      },
    },
  ],
  Engine: [
    {
      title: "Tokens",
      unit: "ops",
      queries: { "{{model}} {{kind}}": "sum by (model, kind) (rate(llamero_tokens_total[$__rate_interval]))" },
    },
    {
      title: "Occupancy of batches",
      unit: "percentunit",
      queries: perModel(
        'sum by (model) (rate(llamero_engine_batch_slots_total{kind="used"}[$__rate_interval])) / ' +
          'sum by (model) (rate(llamero_engine_batch_slots_total{kind="offered"}[$__rate_interval]))',
      ),
    },
    {
      title: "KV cache in use",
      unit: "percentunit",
      queries: perModel(
        'sum by (model) (llamero_engine_kv_tokens{kind="used"}) / sum by (model) (llamero_engine_kv_tokens{kind="capacity"})',
      ),
    },
    {
      title: "Prompt tokens that were cached",
      unit: "percentunit",
      queries: perModel(
        'sum by (model) (rate(llamero_tokens_total{kind="cached"}[$__rate_interval])) / ' +
          'sum by (model) (rate(llamero_tokens_total{kind=~"cached|prompt"}[$__rate_interval]))',
      ),
    },
    {
      title: "Memory of models",
      unit: "bytes",
      queries: { "{{instance}} {{model}} {{kind}}": "llamero_model_bytes > 0" },
    },
    {
      title: "Starts of engines",
      unit: "short",
      queries: { "{{instance}} {{model}} {{result}}": "llamero_model_loads_total" },
    },
  ],
  API: [
    {
      title: "Requests",
      unit: "reqps",
      queries: { "{{operation}} {{status}}": "sum by (operation, status) (rate(llamero_http_requests_total[$__rate_interval]))" },
    },
    {
      title: "Time to answer (p99)",
      unit: "s",
      queries: { "{{operation}}": quantile(0.99, "llamero_http_request_duration_seconds", ", operation") },
    },
    {
      title: "Answers given again",
      unit: "ops",
      queries: {
        "{{model}} {{result}}":
          "sum by (model, result) (max by (model, result) (rate(llamero_reuse_requests_total[$__rate_interval])))",
      },
    },
  ],
  Webhooks: [
    {
      title: "Attempts",
      unit: "ops",
      queries: { "{{result}}": "sum by (result) (rate(llamero_webhook_attempts_total[$__rate_interval]))" },
    },
    {
      title: "From event to first attempt",
      unit: "s",
      queries: { p50: quantile(0.5, "llamero_webhook_lag_seconds"), p99: quantile(0.99, "llamero_webhook_lag_seconds") },
    },
    {
      title: "Deliveries that wait, and how late the latest is",
      unit: "short",
      queries: {
        pending: "max(llamero_webhook_pending)",
        "overdue (s)": "max(llamero_webhook_overdue_seconds)",
        "events without a delivery": "max(llamero_outbox_events)",
      },
    },
  ],
  Processes: [
    { title: "Redis: PING (p99)", unit: "s", queries: { "{{job}}": quantile(0.99, "llamero_redis_ping_seconds", ", job") } },
    {
      title: "Redis: memory",
      unit: "bytes",
      queries: { used: "max(llamero_redis_used_bytes)", "refuses writes at": "max(llamero_redis_max_bytes)" },
    },
    {
      title: "Event loop (p99)",
      unit: "s",
      queries: { "{{job}} {{instance}}": 'nodejs_eventloop_lag_p99_seconds{job=~"llamero-.+"}' },
    },
    {
      title: "Memory",
      unit: "bytes",
      queries: { "{{job}} {{instance}}": 'process_resident_memory_bytes{job=~"llamero-.+"}' },
    },
    {
      title: "CPU",
      unit: "percentunit",
      queries: { "{{job}} {{instance}}": 'rate(process_cpu_seconds_total{job=~"llamero-.+"}[$__rate_interval])' },
    },
    {
      title: "Breakers that are open",
      unit: "short",
      queries: {
        "{{model}}": 'max by (model) (llamero_model_breaker{state="open"})',
        "receivers of webhooks": 'max(llamero_webhook_breakers{state="open"})',
      },
    },
  ],
};

const datasource = { type: "prometheus", uid: "prometheus" };

function panels() {
  let id = 0;
  let y = 0;
  return Object.entries(rows).flatMap(([title, list]) => {
    const header = { id: ++id, type: "row", title, collapsed: false, panels: [], gridPos: { x: 0, y, w: COLUMNS, h: 1 } };
    y += 1;
    let x = 0;
    const drawn = list.map(({ title: name, unit, queries, width = 8, type = "timeseries" }) => {
      if (x + width > COLUMNS) {
        x = 0;
        y += HEIGHT;
      }
      const gridPos = { x, y, w: width, h: HEIGHT };
      x += width;
      const targets = Object.entries(queries).map(([legendFormat, expr], index) => ({
        refId: String.fromCharCode(65 + index),
        datasource,
        expr,
        legendFormat,
      }));
      const fieldConfig = { defaults: { unit, min: 0, custom: { fillOpacity: 8, showPoints: "never" } }, overrides: [] };
      const legend = { displayMode: "list", placement: "bottom" };
      return {
        id: ++id,
        type,
        title: name,
        datasource,
        gridPos,
        targets,
        fieldConfig,
        options: { legend, tooltip: { mode: "multi" } },
      };
    });
    y += HEIGHT;
    return [header, ...drawn];
  });
}

const dashboard = {
  uid: "llamero",
  title: "Llamero",
  tags: ["llamero"],
  schemaVersion: 39,
  editable: true,
  refresh: "10s",
  time: { from: "now-1h", to: "now" },
  timezone: "browser",
  templating: { list: [] },
  annotations: { list: [] },
  panels: panels(),
};

const text = `${JSON.stringify(dashboard, null, 2)}\n`;
if (process.argv[2] === "--write") writeFileSync(FILE, text);
else if (process.argv[2] === "--check" && readFileSync(FILE, "utf8") !== text) {
  process.stderr.write("deploy/grafana/dashboards/llamero.json is out of date. Run: node deploy/grafana/dashboard.ts --write\n");
  process.exitCode = 1;
}
