import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import packageJson from "../../package.json" with { type: "json" };
import type { Logger } from "../logger.ts";
import type { ProcessName } from "../setting.ts";
import type { Metric } from "./metric.ts";
import { metricsTable } from "./metrics-table.ts";

type Table = typeof metricsTable;
type NameOf<Type extends Metric["type"]> = {
  [Name in keyof Table]: Table[Name]["type"] extends Type ? Name : never;
}[keyof Table];
type LabelsOf<Name extends keyof Table> = Record<Table[Name]["labels"][number], string>;

/** A value of a metric that has several. */
export type Sample<Name extends keyof Table> = LabelsOf<Name> & { value: number };

/** Reads what is only worth knowing when somebody asks. */
export type Collect = () => Promise<void> | void;

/** What a process tells Prometheus: the part of the table that is its own, and what Node tells of itself. */
export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #collectors = new Set<Collect>();
  readonly #logger: Logger;

  constructor(process: ProcessName, logger: Logger) {
    this.#logger = logger;
    this.contentType = this.#registry.contentType;
    // Whoever starts others is not watched.
    if (process === "cli") return;
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, metric] of Object.entries<Metric>(metricsTable)) {
      if (metric.exportedBy.includes(process)) this.#register(name, metric);
    }
    this.set("llamero_build_info", { process, version: packageJson.version, node: globalThis.process.version }, 1);
  }

  /** What is another process's to export is not counted. */
  count<Name extends NameOf<"counter">>(name: Name, labels: LabelsOf<Name>, more = 1): void {
    this.#counters.get(name)?.inc(labels, more);
  }

  observe<Name extends NameOf<"histogram">>(name: Name, labels: LabelsOf<Name>, seconds: number): void {
    this.#histograms.get(name)?.observe(labels, seconds);
  }

  set<Name extends NameOf<"gauge">>(name: Name, labels: LabelsOf<Name>, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  /** All values of a metric that is counted elsewhere: those that are not named are gone. */
  replace<Name extends NameOf<"gauge"> | NameOf<"counter">>(name: Name, samples: readonly Sample<Name>[]): void {
    const counter = this.#counters.get(name);
    const gauge = this.#gauges.get(name);
    counter?.reset();
    gauge?.reset();
    for (const { value, ...labels } of samples) {
      counter?.inc(labels, value);
      gauge?.set(labels, value);
    }
  }

  /** Before each answer. One that fails leaves its metrics as they were and keeps back no others. */
  onCollect(collect: Collect): void {
    this.#collectors.add(collect);
  }

  /** In Prometheus's text format. */
  async text(): Promise<string> {
    const collected = await Promise.allSettled(Array.from(this.#collectors, async (collect) => collect()));
    for (const result of collected)
      if (result.status === "rejected") this.#logger.warn({ err: result.reason }, "could not read some metrics");
    return this.#registry.metrics();
  }

  #register(name: string, { type, help, labels, buckets }: Metric): void {
    const options = { name, help, labelNames: labels, registers: [this.#registry] };
    if (type === "counter") this.#counters.set(name, new Counter(options));
    else if (type === "gauge") this.#gauges.set(name, new Gauge(options));
    else this.#histograms.set(name, new Histogram({ ...options, ...(buckets === undefined ? {} : { buckets: [...buckets] }) }));
  }
}
