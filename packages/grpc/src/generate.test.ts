import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generate } from "../generate.ts";

function contentsOf(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).toSorted();
  return new Map(paths.map((path) => [path.slice(folder.length), readFileSync(path, "utf8")]));
}

test("src/gen is what generate.ts makes of proto", () => {
  const folder = mkdtempSync(join(tmpdir(), "llamero-gen-"));
  generate(folder);
  const [made, kept] = [contentsOf(join(folder, "src/gen")), contentsOf(join(import.meta.dirname, "gen"))];
  rmSync(folder, { recursive: true });
  expect(made.size).toBeGreaterThan(5);
  expect(kept).toEqual(made);
}, 30_000);
