/** Checks the documentation against the tree: every path it names exists, and what is made from the code is current. */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** `apps/api/src/app.ts` in backticks, anywhere; a trailing slash names a folder. */
const CODE_PATH = /`((?:apps|packages|docs|scripts|models|bench|deploy)\/[\w./-]+)`/g;
/** `[text](target)`, without links to other sites or to a heading of the same page. */
const LINK = /\]\((?!https?:|#|mailto:)([^)\s#]+)/g;

function deadPaths(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const named = Array.from(text.matchAll(CODE_PATH), (match) => match[1] ?? "");
  const linked = Array.from(text.matchAll(LINK), (match) => normalize(join(dirname(file), match[1] ?? "")));
  return [...named, ...linked].filter((path) => !existsSync(path)).map((path) => `${file} names ${path}, which is not there.`);
}

const files = globSync(["*.md", "docs/**/*.md", "apps/*/README.md", "packages/*/README.md", "models/**/*.md", "bench/*.md"]);
const dead = files.flatMap(deadPaths);
if (dead.length > 0) {
  process.stderr.write(`${dead.join("\n")}\n`);
  process.exitCode = 1;
}
const generated = [
  ["scripts/config-table.ts", "--check", "README.md"],
  ["scripts/metrics-doc.ts", "--check", "docs/metrics.md"],
  ["deploy/grafana/dashboard.ts", "--check"],
];
for (const command of generated)
  if (spawnSync(process.execPath, command, { stdio: "inherit" }).status !== 0) process.exitCode = 1;
