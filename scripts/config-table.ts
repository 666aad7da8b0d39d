/** The README's configuration table, made from the settings that the processes parse: `node scripts/config-table.ts`. */
import { settingsTable } from "@llamero/process";
import { markdownTable, runTableScript } from "./table-in-docs.ts";

function markdown(): string {
  const rows = settingsTable().map((row) => {
    const fallback = row.default === null ? (row.defaultNote ?? "") : `\`${row.default}\``;
    return [`\`${row.name}\``, fallback, row.description, row.readBy.join(", ")];
  });
  return markdownTable(["variable", "default", "what it does", "read by"], rows);
}

runTableScript({ name: "settings", script: "scripts/config-table.ts", markdown }, process.argv.slice(2));
