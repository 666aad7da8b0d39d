/** The table of metrics in docs/metrics.md, made from what the processes export: `node scripts/metrics-doc.ts`. */
import { type Metric, metricsTable } from "@llamero/process";
import { markdownTable, runTableScript } from "./table-in-docs.ts";

function markdown(): string {
  const rows = Object.entries<Metric>(metricsTable).map(([name, { type, help, labels, exportedBy }]) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(", "),
    help,
    exportedBy.join(", "),
  ]);
  return markdownTable(["metric", "type", "labels", "what it tells", "of"], rows);
}

runTableScript({ name: "metrics", script: "scripts/metrics-doc.ts", markdown }, process.argv.slice(2));
