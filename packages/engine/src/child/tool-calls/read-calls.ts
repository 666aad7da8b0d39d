import { z } from "zod";
import type { WrittenCall } from "./tool-format.ts";

interface JsonSource {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
}
/** Newer than the library that the types are of. */
const json = JSON as unknown as JsonSource;

/** Keeps numbers as they were written: a 16-digit integer does not fit a JavaScript number. */
function exactNumber(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === "number" && source !== undefined && String(value) !== source ? json.rawJSON(source) : value;
}

const object = z.record(z.string(), z.unknown());

/** JSON of any kind; undefined when the text is none. Numbers that JavaScript would change are kept as they stand. */
export function readJson(text: string): unknown {
  try {
    return json.parse(text, exactNumber);
  } catch {
    return undefined;
  }
}

/** Where the JSON object that begins at an index ends, behind its last brace; -1 when it does not. */
export function objectEnd(text: string, from: number): number {
  let [depth, isInString] = [0, false];
  for (let index = from; index < text.length; index++) {
    const character = text[index];
    if (isInString) {
      if (character === "\\") index++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === "{") depth++;
    else if (character === "}" && --depth === 0) return index + 1;
    if (depth === 0) return -1;
  }
  return -1;
}

/**
 * Reads calls that stand one after another, each a JSON object behind a head; null when anything else is there.
 * @param head matches what is before an object, from where the last one ended; its group is handed to `read`
 * @param tail likewise what is after the last object
 */
export function readSequence(
  calls: string,
  { head, tail }: { head: RegExp; tail: RegExp },
  read: (written: unknown, name: string) => WrittenCall | null,
): WrittenCall[] | null {
  const found: (WrittenCall | null)[] = [];
  for (let rest = calls; ; ) {
    const begins = head.exec(rest);
    if (begins === null) return tail.test(rest) ? allCalls(found) : null;
    const from = begins[0].length;
    const end = objectEnd(rest, from);
    if (end < 0) return null;
    found.push(read(readJson(rest.slice(from, end)), begins[1] ?? ""));
    rest = rest.slice(end);
  }
}

/** A call from parsed JSON with `name` and, under one of these keys, an object of arguments. */
export function readCall(value: unknown, keys: readonly string[]): WrittenCall | null {
  const call = object.safeParse(value).data;
  const given = keys.map((key) => call?.[key]).find((entry) => entry !== undefined);
  const name = call?.["name"];
  if (typeof name !== "string" || !object.safeParse(given).success) return null;
  try {
    return { name, arguments: JSON.stringify(given) };
  } catch {
    // Nested deeper than the stack is.
    return null;
  }
}

/** All calls, or null when one of them is none. */
export function allCalls(calls: readonly (WrittenCall | null)[]): WrittenCall[] | null {
  const read = calls.filter((call) => call !== null);
  return read.length > 0 && read.length === calls.length ? read : null;
}
