import { readFileSync, writeFileSync } from "node:fs";

/** A table of the docs that is made from the code. */
export interface GeneratedTable {
  /** Stands between `<!-- name -->` and `<!-- /name -->`. */
  name: string;
  /** The script that makes it, for the message. */
  script: string;
  markdown: () => string;
}

/** A table in Markdown. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line), ""].join("\n");
}

/** `--write FILE` puts the table into a file, `--check FILE` exits 1 when the file's is not the current one, and without either it is printed. */
export function runTableScript({ name, script, markdown }: GeneratedTable, [mode, file]: readonly string[]): void {
  if (mode === undefined || file === undefined) {
    process.stdout.write(markdown());
    return;
  }
  const text = readFileSync(file, "utf8");
  const markers = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!markers.test(text)) throw new Error(`${file} has no "<!-- ${name} -->" and "<!-- /${name} -->" lines.`);
  const current = text.replace(markers, (_, start: string, end: string) => `${start}${markdown()}${end}`);
  if (mode === "--write") writeFileSync(file, current);
  else if (text !== current) {
    process.stderr.write(`The table of ${name} in ${file} is out of date. Run: node ${script} --write ${file}\n`);
    process.exitCode = 1;
  }
}
