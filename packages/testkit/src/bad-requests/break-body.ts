import fc, { type Arbitrary } from "fast-check";
import { oddText, oddValue } from "./odd-value.ts";

type Container = Record<string, unknown> | unknown[];

/** A place within a JSON value. */
interface Place {
  holder: Container;
  key: string;
}

/** Of large values only so many places are looked at, and only small ones are repeated: bodies stay below some megabytes. */
const MOST_PLACES = 2_000;
const MOST_REPEATED_CHARS = 200;

function placesOf(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== "object" || value === null || found.length > MOST_PLACES) return found;
  for (const [key, item] of Object.entries(value)) {
    found.push({ holder: value as Container, key });
    placesOf(item, found);
  }
  return found;
}

function put({ holder, key }: Place, value: unknown): void {
  // A copy, which later changes may change; and not by assignment, which for `__proto__` would set no key.
  Object.defineProperty(holder, key, { value: structuredClone(value), enumerable: true, configurable: true, writable: true });
}

function remove({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else Reflect.deleteProperty(holder, key);
}

function repeat({ holder, key }: Place, times: number): void {
  if (!Array.isArray(holder)) return;
  const item: unknown = holder[Number(key)];
  if (JSON.stringify(item).length <= MOST_REPEATED_CHARS)
    holder.push(...Array.from({ length: times }, () => structuredClone(item)));
}

function addKey({ holder }: Place, name: string, value: unknown): void {
  if (!Array.isArray(holder)) put({ holder, key: name }, value);
}

/** Changes one place of a value that is its own. */
type Break = (place: Place) => void;

const breaks: Arbitrary<Break> = fc.oneof(
  { weight: 6, arbitrary: oddValue.map((value) => (place: Place) => put(place, value)) },
  { weight: 2, arbitrary: fc.constant(remove) },
  {
    weight: 2,
    arbitrary: fc.tuple(oddText, oddValue).map(
      ([name, value]) =>
        (place: Place) =>
          addKey(place, name, value),
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(1, 20, 2_100).map((times) => (place: Place) => repeat(place, times)) },
);

/** A value with one or several of its places broken; each place is as likely. */
export function brokenValue(values: Arbitrary<unknown>): Arbitrary<unknown> {
  const changes = fc.array(fc.tuple(fc.nat(), breaks), { minLength: 1, maxLength: 4 });
  return fc.tuple(values, changes).map(([value, list]) => {
    const copy: { body: unknown } = { body: structuredClone(value) };
    for (const [at, change] of list) {
      const places = placesOf(copy);
      const place = places[at % places.length];
      if (place !== undefined) change(place);
    }
    return copy.body;
  });
}

/** Pieces that JSON parsers have stumbled over. */
const pieces = [
  ...["null", "1e999", "-0", "[]", "{}", '"\\u0000"', '"\\ud800"', '"__proto__":1,', "9007199254740993", "\u2028", "\ufeff"],
  ...["[[[[", "}}}}", '"a":', ",", "\\", '"', "\n", "💥", "NaN", "0x1", "1.", '{"then":1}', "/**/", "\0", "'a'"],
];

type Edit = (text: string, at: number, length: number) => string;
const edits: Arbitrary<Edit> = fc.oneof(
  fc.constant<Edit>((text, at) => text.slice(0, at)),
  fc.constant<Edit>((text, at, length) => text.slice(0, at) + text.slice(at + length)),
  fc.constant<Edit>((text) => text + text),
  fc.constantFrom(...pieces).map(
    (piece): Edit =>
      (text, at) =>
        text.slice(0, at) + piece + text.slice(at),
  ),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }).map(
    (char): Edit =>
      (text, at) =>
        text.slice(0, at) + char + text.slice(at + 1),
  ),
);

const encodings = ["utf8", "utf8", "latin1", "utf16le"] as const;

/** The bytes of a JSON text after a few edits of it, mostly none that any parser takes. */
export function brokenText(values: Arbitrary<unknown>): Arbitrary<Buffer> {
  const list = fc.array(fc.tuple(edits, fc.nat(), fc.nat(20)), { minLength: 1, maxLength: 3 });
  return fc.tuple(values, list, fc.constantFrom(...encodings)).map(([value, changes, encoding]) => {
    let text = JSON.stringify(value) ?? "";
    for (const [edit, at, length] of changes) text = edit(text, at % (text.length + 1), length);
    return Buffer.from(text, encoding);
  });
}
