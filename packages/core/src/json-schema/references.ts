import { isObject, type Part } from "./keywords.ts";
import { refuse } from "./refuse.ts";

/** Where a reference leads. */
export interface Target {
  /** The same for references that lead to the same place. */
  key: string;
  part: Part;
}

/** The names that a JSON pointer in a URI fragment consists of (RFC 6901, section 6); null when it is none. */
function namesOf(reference: string): string[] | null {
  if (reference !== "#" && !reference.startsWith("#/")) return null;
  try {
    const names = decodeURIComponent(reference).split("/").slice(1);
    return names.map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  } catch {
    return null;
  }
}

function follow(from: unknown, name: string): unknown {
  if (Array.isArray(from)) return /^\d+$/.test(name) ? from[Number(name)] : undefined;
  return isObject(from) && Object.hasOwn(from, name) ? from[name] : undefined;
}

/**
 * Finds what a reference of a document leads to.
 * @throws AppError `unsupported_schema` when that is no schema of the document
 */
export function resolve(reference: string, document: Part, at: string): Target {
  const names = namesOf(reference);
  const found = names?.reduce<unknown>(follow, document.schema);
  const schema = found === true ? {} : found;
  if (names === null || !isObject(schema)) refuse(at, "must lead to a schema of this document, as in #/$defs/name.");
  return { key: names.join("/"), part: { schema, at: [document.at, ...names].join(".") } };
}
