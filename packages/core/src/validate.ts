import type { z } from "zod";
import { AppError } from "./errors.ts";
import { shorten } from "./shorten.ts";

type Issue = z.core.$ZodIssue;

/** An issue with its whole path. */
interface Found {
  issue: Issue;
  path: PropertyKey[];
}

/** Issues named in one message at most, and unknown parameters named in one issue. */
const SHOWN = 5;

/** Zod's own openings; the field's name stands before what is left. */
const OPENING = /^Invalid (?:input|option|discriminator value)[:.] /;

/**
 * A failed union says only "invalid input": the branch that came furthest says what is wrong, and branches that all
 * failed at the door say together what may come in.
 */
function unfold(issue: Issue, above: PropertyKey[]): Found {
  const path = [...above, ...issue.path];
  if (issue.code === "invalid_key" && issue.issues[0] !== undefined) return { issue: issue.issues[0], path };
  if (issue.code !== "invalid_union") return { issue, path };
  const branches = issue.errors.flatMap(([first]) => (first === undefined ? [] : [unfold(first, path)]));
  const deepest = branches.toSorted((a, b) => b.path.length - a.path.length)[0];
  if (deepest === undefined) return { issue, path };
  return deepest.path.length > path.length ? deepest : { issue: withAllTypes(deepest.issue, branches), path };
}

function withAllTypes(issue: Issue, branches: readonly Found[]): Issue {
  if (issue.code !== "invalid_type") return issue;
  const types = branches.flatMap((branch) => (branch.issue.code === "invalid_type" ? [branch.issue.expected] : []));
  return { ...issue, message: issue.message.replace(`expected ${issue.expected}`, `expected ${types.join(" or ")}`) };
}

const nameOf = (path: readonly PropertyKey[]) => path.map((part) => (part === "" ? '""' : shorten(String(part)))).join(".");

function describe({ issue, path }: Found): string {
  const name = nameOf(path);
  if (issue.code === "unrecognized_keys") {
    const names = issue.keys.slice(0, SHOWN).map((key) => nameOf([...path, key]));
    const more = issue.keys.length - names.length;
    return `Unknown parameter: ${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}.`;
  }
  const message = issue.message.replace(OPENING, "");
  return name === "" ? `The body: ${message}.` : `${name}: ${message}.`;
}

/**
 * Parses what came over the wire.
 * @throws AppError `unknown_parameter` or `invalid_request`, naming every field at fault up to five
 */
export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const found = parsed.error.issues.slice(0, SHOWN).map((issue) => unfold(issue, []));
  const message = found.map(describe).join(" ");
  const [first] = found;
  const unknown = first?.issue.code === "unrecognized_keys" ? first.issue.keys[0] : undefined;
  const path = [...(first?.path ?? []), ...(unknown === undefined ? [] : [unknown])];
  const code = unknown === undefined ? "invalid_request" : "unknown_parameter";
  throw new AppError(code, message, { param: nameOf(path) || null });
}
