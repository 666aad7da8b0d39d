import type { BatchError } from "@llamero/core";
import type { FindModel, Segment } from "@llamero/store";
import { isBlank, LineTooLong, type RawLine, readLines } from "./lines.ts";
import { BadLine, type LineBatch, lineJobs, readLine } from "./read-line.ts";
import { SeenIds } from "./seen-ids.ts";
import { SegmentCutter } from "./segment-cutter.ts";

/** Errors that are told of an input at most; then it is read no further. */
const MOST_ERRORS = 100;
/** Segments that are noted at once. */
const NOTED_AT_ONCE = 50;

export interface InputOptions {
  batch: LineBatch;
  find: FindModel;
  source: AsyncIterable<Uint8Array>;
  /** Of the whole input. */
  bytes: number;
  /** Longest line, in bytes. */
  maxLineBytes: number;
  /** Nobody wants to know any more. */
  signal: AbortSignal;
  /** Where segments go as they are found. False: nobody wants them any more. */
  note: (segments: readonly Segment[]) => Promise<boolean>;
}

/** `lost`: nobody wants to know any more. */
export type CheckedInput = { outcome: "good"; model: string } | { outcome: "bad"; errors: BatchError[] } | { outcome: "lost" };

/** A code for what is wrong with a line as a line; what is wrong with its request has that request's. */
const lineCodes: Partial<Record<string, string>> = { invalid_json: "invalid_json_line" };

class Checker {
  readonly errors: BatchError[] = [];
  model: string | null = null;
  readonly #batch: LineBatch;
  readonly #find: FindModel;
  readonly #seen = new SeenIds();

  constructor({ batch, find }: Pick<InputOptions, "batch" | "find">) {
    this.#batch = batch;
    this.#find = find;
  }

  check(raw: RawLine): void {
    try {
      const line = readLine(this.#batch, raw);
      const { model } = lineJobs(this.#batch, this.#find, line);
      this.model ??= model;
      this.#checkId(line.customId, raw.number);
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      if (error.customId !== null) this.#checkId(error.customId, raw.number);
      const { code, message, param } = error.error;
      this.add({ code: lineCodes[code] ?? code, message, param, line: raw.number });
    }
  }

  add(error: BatchError): void {
    this.errors.push(error);
  }

  #checkId(id: string, line: number): void {
    if (this.#seen.add(id)) return;
    const message = `The custom_id ${JSON.stringify(id.slice(0, 100))} stands in an earlier line already. Each line needs its own.`;
    this.add({ code: "duplicate_custom_id", message, param: "custom_id", line });
  }
}

const whole = (code: string, message: string, line: number | null = null): BatchError => ({ code, message, param: null, line });

/** Reads an input once, line by line, in memory that does not grow with it: finds what is wrong, and cuts it into segments. */
export async function checkInput({ source, bytes, maxLineBytes, signal, note, ...how }: InputOptions): Promise<CheckedInput> {
  const checker = new Checker(how);
  const cutter = new SegmentCutter(bytes);
  let found: Segment[] = [];
  try {
    for await (const raw of readLines(source, { maxBytes: maxLineBytes })) {
      if (signal.aborted) return { outcome: "lost" };
      const isRun = !isBlank(raw);
      if (isRun) checker.check(raw);
      if (checker.errors.length >= MOST_ERRORS) break;
      found.push(...cutter.add(raw, isRun));
      if (found.length < NOTED_AT_ONCE) continue;
      if (!(await note(found))) return { outcome: "lost" };
      found = [];
    }
  } catch (error) {
    if (!(error instanceof LineTooLong)) throw error;
    const message = `The line is longer than ${maxLineBytes} bytes. Are there line ends between the requests?`;
    checker.add(whole("line_too_long", message, error.line));
  }
  found.push(...cutter.end());
  if (cutter.lines === 0 && checker.errors.length === 0) checker.add(whole("empty_file", "The file has no lines."));
  if (checker.errors.length > 0) return { outcome: "bad", errors: checker.errors };
  if (found.length > 0 && !(await note(found))) return { outcome: "lost" };
  return { outcome: "good", model: checker.model ?? "" };
}
