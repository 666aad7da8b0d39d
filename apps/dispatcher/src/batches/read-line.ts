import { hash } from "node:crypto";
import {
  AppError,
  paramsAtTop,
  parseJson,
  type SubmitBody,
  submitSchema,
  textField,
  toJobRequest,
  validate,
} from "@llamero/core";
import { inputLineSchema } from "@llamero/openai";
import { type AskedReuse, admitRouted, type FindModel, type LineJob, lineJobId } from "@llamero/store";
import { batchCallAt } from "./batch-calls.ts";
import type { RawLine } from "./lines.ts";

/** The batch that lines are of. */
export interface LineBatch {
  id: string;
  createdMs: number;
  cell: number;
  owner: string;
  endpoint: string;
}

/** A line of a batch: what it asks for. */
export interface Line {
  number: number;
  customId: string;
  /** As its endpoint's schema gives it. */
  body: unknown;
  /** What becomes a job each, under these ids. */
  asked: { id: string; body: SubmitBody }[];
}

/** A job of a line, and what it would be answered by that others were answered. */
export type AskingJob = LineJob & { asks: AskedReuse };

/** A line that cannot, and the `custom_id` that could be read of it. */
export class BadLine extends Error {
  readonly error: AppError;
  readonly customId: string | null;

  constructor(error: AppError, customId: string | null) {
    super(error.message);
    this.error = error;
    this.customId = customId;
  }
}

const MARK = "\ufeff";

function decode({ bytes, number }: RawLine): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return number === 1 && text.startsWith(MARK) ? text.slice(MARK.length) : text;
  } catch (cause) {
    const isWide = bytes.includes(0);
    const hint = isWide ? " It looks like UTF-16: save the file as UTF-8." : " Save the file as UTF-8.";
    throw new AppError("invalid_json", `The line is not valid UTF-8.${hint}`, { cause });
  }
}

function parse(text: string, number: number): unknown {
  try {
    return parseJson(text, "The line");
  } catch (error) {
    if (number === 1 && error instanceof AppError && /^\s*\[/.test(text))
      throw new AppError(
        "invalid_json",
        "The file looks like a JSON array. Write one JSON object a line, without commas between.",
      );
    throw error;
  }
}

const customIdOf = (value: unknown): string | null => {
  const id = typeof value === "object" && value !== null && "custom_id" in value ? value.custom_id : null;
  return typeof id === "string" ? id : null;
};

/** An error of a line's job, in the words of the line. */
function inBody(error: AppError): AppError {
  const { code, message, param } = paramsAtTop(error);
  return new AppError(code, message, { param: param === null ? "body" : `body.${param}` });
}

/**
 * Reads a line.
 * @throws BadLine for what is no request: not JSON, not a line of a batch, or not one of its endpoint
 */
export function readLine(batch: LineBatch, raw: RawLine): Line {
  let value: unknown = null;
  try {
    value = parse(decode(raw), raw.number);
    const line = validate(inputLineSchema, value);
    if (line.url !== batch.endpoint) {
      const text = `The batch is for ${batch.endpoint}, and this line for ${line.url.slice(0, 100)}.`;
      throw new AppError("invalid_request", text, { param: "url" });
    }
    return { number: raw.number, customId: line.custom_id, ...readBody(batch, line.body, raw.number) };
  } catch (error) {
    if (error instanceof AppError) throw new BadLine(error, customIdOf(value));
    throw error;
  }
}

function readBody(batch: LineBatch, given: unknown, number: number): Pick<Line, "body" | "asked"> {
  try {
    const endpoint = batchCallAt(batch.endpoint);
    const body = validate(endpoint.schema, given);
    const asked = endpoint.jobs(body).map((each, part) => ({
      id: lineJobId(batch, number, part),
      body: validate(submitSchema, each),
    }));
    return { body, asked };
  } catch (error) {
    throw error instanceof AppError ? inBody(error) : error;
  }
}

/** Of the seeds that a request may have. */
const SEEDS = 2 ** 32;

/** A seed for jobs that name none: the same however often the line is read. */
const seedOf = (jobId: string): number => Number.parseInt(hash("sha256", jobId).slice(0, 8), 16) % SEEDS;

/**
 * What a line becomes, and the model that its first job is for.
 * @throws BadLine for what its model cannot answer, or where there is no such model
 */
export function lineJobs(batch: LineBatch, find: FindModel, line: Line): { jobs: AskingJob[]; model: string } {
  const { number, asked } = line;
  const several = asked.length === 1 ? null : { number, jobs: asked.length };
  try {
    const made = asked.map(({ id, body }) => {
      const routed = find(body.model, { jobId: id, owner: batch.owner });
      const { model } = routed;
      const request = toJobRequest(body, seedOf(id));
      const route = admitRouted(routed, request, textField(body));
      batchCallAt(batch.endpoint).check?.(line.body, model);
      const isSeedGiven = body.params?.seed !== undefined;
      const asks = { owner: batch.owner, model, request, isSeedGiven, asked: body.reuse };
      const place = { id, slug: model.slug, model: model.name, line: several, route };
      return { job: { ...place, request, metadata: body.metadata ?? null, asks }, model };
    });
    return { jobs: made.map(({ job }) => job), model: made[0]?.model.name ?? "" };
  } catch (error) {
    if (error instanceof AppError) throw new BadLine(inBody(error), line.customId);
    throw error;
  }
}
