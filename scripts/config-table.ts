/**
 * The README's configuration table, made from the settings that the processes parse.
 *
 * `node scripts/config-table.ts` prints it; `--write FILE` puts it between the file's two markers; `--check FILE` exits 1 when
 * the file's table is not the current one.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { settingsTable } from "@llamero/process";

const markers = /(<!-- settings -->\n)[\s\S]*?(<!-- \/settings -->)/;

function markdownTable(): string {
  const rows = settingsTable().map((row) => {
    const fallback = row.default === null ? (row.defaultNote ?? "") : `\`${row.default}\``;
    return `| \`${row.name}\` | ${fallback} | ${row.description} | ${row.readBy.join(", ")} |`;
  });
  return ["| variable | default | what it does | read by |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function updated(text: string, file: string): string {
  if (!markers.test(text)) throw new Error(`${file} has no "<!-- settings -->" and "<!-- /settings -->" lines.`);
  return text.replace(markers, (_, start: string, end: string) => `${start}${markdownTable()}${end}`);
}

const [mode, file] = process.argv.slice(2);
if (mode === undefined || file === undefined) {
  process.stdout.write(markdownTable());
} else {
  const text = readFileSync(file, "utf8");
  const current = updated(text, file);
  if (mode === "--write") writeFileSync(file, current);
  else if (text !== current) {
    process.stderr.write(
      `The configuration table in ${file} is out of date. Run: node scripts/config-table.ts --write ${file}\n`,
    );
    process.exitCode = 1;
  }
}
