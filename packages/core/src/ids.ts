import { z } from "zod";

/** Crockford's base 32: sorts as the number it spells, has no letter that reads as another. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARS = 10;
const CELL_CHARS = 2;
const RANDOM_CHARS = 14;
const BODY = new RegExp(`^[${ALPHABET}]{${TIME_CHARS + CELL_CHARS + RANDOM_CHARS}}$`);

const prefixes = {
  job: "job_",
  worker: "wrk_",
  event: "evt_",
  request: "req_",
  endpoint: "whep_",
  delivery: "dlv_",
  file: "file_",
  batch: "batch_",
  schedule: "sched_",
} as const;
export type IdKind = keyof typeof prefixes;

export interface IdSource {
  /** Milliseconds since the Unix epoch. */
  now: () => number;
  /** `count` uniformly random bytes. */
  randomBytes: (count: number) => Uint8Array;
  /** The cell that holds the record, 0 to 1023; see DESIGN "Cells". */
  cell: number;
}

function encode(value: number, chars: number): string {
  let rest = value;
  let text = "";
  for (let i = 0; i < chars; i++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/**
 * Makes an id: prefix, 48-bit time, cell, 70 random bits.
 * Ids of one kind sort by creation time, to the millisecond, as plain strings.
 */
export function newId(kind: IdKind, source: IdSource): string {
  const random = Array.from(source.randomBytes(RANDOM_CHARS), (byte) => ALPHABET.charAt(byte % 32)).join("");
  return prefixes[kind] + encode(source.now(), TIME_CHARS) + encode(source.cell, CELL_CHARS) + random;
}

export function isId(kind: IdKind, value: string): boolean {
  const prefix = prefixes[kind];
  return value.startsWith(prefix) && BODY.test(value.slice(prefix.length));
}

export const jobIdSchema = z
  .string()
  .refine((value) => isId("job", value), "is not a job id")
  .meta({ id: "JobId", example: "job_01kaeq4y3c00d5t6v8m2r4q7zn" });
