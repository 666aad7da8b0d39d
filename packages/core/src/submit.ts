import { z } from "zod";
import { checkGrammar } from "./check-grammar.ts";
import { checkToolMessages, checkTools } from "./check-tools.ts";
import { AppError } from "./errors.ts";
import { type JobRequest, jobTypes, messageSchema } from "./job-request.ts";
import { readJsonSchema } from "./json-schema.ts";
import { ownRecord } from "./own-record.ts";
import { type Params, paramsSchema } from "./params.ts";
import { prioritySchema } from "./priority.ts";
import { jobWebhookSchema } from "./webhook.ts";

const DAY_MS = 86_400_000;
const MAX_AHEAD_MS = 30 * DAY_MS;

export const metadataSchema = ownRecord(
  z
    .record(z.string().min(1).max(64), z.string().max(512))
    .refine((pairs) => Object.keys(pairs).length <= 16, "has more than 16 keys")
    .meta({ id: "Metadata", description: "Up to 16 pairs, kept with the job and usable as a list filter." }),
);

/** As long as Redis keeps it within the record's compact form. */
export const supersedeKeySchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,64}$/, "must be 1 to 64 printable ASCII characters without spaces")
  .meta({
    description:
      "A newer job of the same owner with the same key ends older ones as cancelled, whether they wait or run: only the newest counts.",
  });

export const reuseSchema = z.boolean().meta({
  description:
    "Whether an answer that the model has given to the same request may be the answer, and this one's may be kept. Default: as the " +
    "setting `reuse.mode` says. Without effect where tokens are drawn at random by a seed that nobody has named.",
});
export const sessionIdSchema = z
  .string()
  .min(1, "is empty")
  .max(128)
  .meta({
    description:
      "A conversation of the owner's: its turns go to the worker that has the conversation in its cache, while that has a slot free, " +
      "so that they read what is new alone. Of jobs that generate.",
  });

/** The body of `POST /v1/jobs`. Exactly one of `prompt`, `messages`, `input`, and `query` with `documents`. */
export const submitSchema = z
  .strictObject({
    type: z.enum(jobTypes).optional().meta({
      description:
        "Default: `embedding` with input, `rerank` with documents, else `chat`. `completion` continues the prompt as raw text.",
    }),
    model: z.string().min(1).max(256).optional().meta({ description: "Default: the deployment's first model." }),
    prompt: z.string().min(1, "is empty").optional().meta({
      description: "One user message through the model's chat template, or raw text with `type: completion`.",
    }),
    messages: z.array(messageSchema).min(1, "is empty").max(1024).optional(),
    input: z
      .union([z.string().min(1, "is empty"), z.array(z.string().min(1, "is empty")).min(1, "is empty").max(2048)])
      .optional(),
    query: z.string().min(1, "is empty").optional().meta({ description: "What documents are scored against." }),
    documents: z.array(z.string().min(1, "is empty")).min(1, "is empty").max(2048).optional().meta({
      description: "Texts to score against the query, by a model that can rerank.",
    }),
    top_n: z.int().min(1).optional().meta({ description: "Most results of a rerank job. Default: one per document." }),
    params: paramsSchema.optional(),
    priority: prioritySchema.optional(),
    supersede_key: supersedeKeySchema.optional(),
    session_id: sessionIdSchema.optional(),
    delay_ms: z.int().min(0).max(MAX_AHEAD_MS).optional(),
    run_at: z.iso.datetime({ offset: true }).optional().meta({ description: "Not before this time; excludes delay_ms." }),
    deadline_ms: z.int().min(1).max(MAX_AHEAD_MS).optional().meta({
      description:
        "Milliseconds from submission after which the job ends as expired. Refused where so much waits that it is not expected to be met.",
    }),
    reuse: reuseSchema.optional(),
    metadata: metadataSchema.optional(),
    webhook: jobWebhookSchema.optional(),
  })
  .meta({ id: "SubmitJob" });
export type SubmitBody = z.infer<typeof submitSchema>;

const refusal = (message: string, param: string | null) => new AppError("invalid_request", message, { param });

function refuse(message: string, param: string | null): never {
  throw refusal(message, param);
}

/** The field that holds the work, with the types that can be made of it; the first is the default. */
const typesOfField = {
  prompt: ["chat", "completion"],
  messages: ["chat"],
  input: ["embedding"],
  documents: ["rerank"],
} as const satisfies Partial<Record<keyof SubmitBody, readonly JobRequest["type"][]>>;
const workFields = Object.keys(typesOfField) as (keyof typeof typesOfField)[];

function onlyField(body: SubmitBody): keyof typeof typesOfField {
  const given = workFields.filter((field) => body[field] !== undefined);
  const [first] = given;
  if (first === undefined) {
    if (body.query !== undefined) refuse("Give documents to score against the query.", "documents");
    refuse("Give one of prompt, messages, input or documents.", "prompt");
  }
  if (given.length > 1)
    refuse(`Give only one of prompt, messages, input and documents; got ${given.join(" and ")}.`, given[1] ?? null);
  return first;
}

function checkParams(params: Params): void {
  const format = params.response_format;
  if (format?.type === "json_schema") readJsonSchema(format.json_schema.schema, "params.response_format.json_schema.schema");
  if (params.grammar !== undefined && format !== undefined && format.type !== "text")
    refuse("Give params.grammar or params.response_format, not both.", "params.grammar");
  checkTools(params);
  if (params.grammar !== undefined) checkGrammar(params.grammar, "params.grammar");
}

/** The job type of a body, from its fields and its `type`. @throws AppError `invalid_request` */
function typeOf(body: SubmitBody): JobRequest["type"] {
  const field = onlyField(body);
  const fits: readonly JobRequest["type"][] = typesOfField[field];
  const type = body.type ?? fits[0] ?? "chat";
  if (!fits.includes(type)) refuse(`A job of type ${type} does not take ${field}.`, "type");
  if (type !== "rerank")
    for (const other of ["query", "top_n"] as const)
      if (body[other] !== undefined) refuse(`A job of type ${type} does not take ${other}.`, other);
  return type;
}

function rerankRequest({ query, documents = [], top_n, params }: SubmitBody): JobRequest {
  if (params !== undefined) refuse("A rerank job takes no params.", "params");
  if (query === undefined) refuse("Give the query to score the documents against.", "query");
  return { v: 1, type: "rerank", query, documents, ...(top_n === undefined ? {} : { top_n }) };
}

/**
 * Brings a parsed body into the form that workers run.
 * @param seed used when the body names none
 * @throws AppError `invalid_request`, `unsupported_schema`
 */
export function toJobRequest(body: SubmitBody, seed: number): JobRequest {
  const type = typeOf(body);
  const { session_id } = body;
  if (session_id !== undefined && type !== "chat" && type !== "completion")
    refuse(`A job of type ${type} takes no session_id.`, "session_id");
  if (type === "embedding") {
    if (body.params !== undefined) refuse("An embedding job takes no params.", "params");
    return { v: 1, type, input: [body.input ?? []].flat() };
  }
  if (type === "rerank") return rerankRequest(body);
  checkParams(body.params ?? {});
  const params = { ...body.params, seed: body.params?.seed ?? seed };
  const prompt = body.prompt ?? "";
  const session = session_id === undefined ? {} : { session_id };
  if (type === "completion") {
    if (params.tools !== undefined) refuse("A completion takes no tools; make it a job of type chat.", "params.tools");
    return { v: 1, type, prompt, params, ...session };
  }
  const messages = body.messages ?? [{ role: "user" as const, content: prompt }];
  checkToolMessages(messages, params);
  return { v: 1, type, messages, params, ...session };
}

/** Where the caller wrote the text of a request to generate. */
export const textField = ({ messages }: SubmitBody): "prompt" | "messages" => (messages === undefined ? "prompt" : "messages");

/** When a submitted job may first run: so long after it is stored, or at a time, in milliseconds since the epoch. */
export interface StartTime {
  delayMs: number | null;
  runAtMs: number | null;
}

/** The job would be over before it may start. */
export const deadlineRefusal = () =>
  refusal("deadline_ms passes before the job may start; make it larger than the delay.", "deadline_ms");

/**
 * When a submitted job may first run. What has passed by now is for the store to say, by the clock that all go by.
 * @param nowMs only to tell what is far from it
 * @throws AppError `invalid_request` for both delay and time, a time too far ahead, or a deadline before the delay is over
 */
export function startTime({ delay_ms, run_at, deadline_ms }: SubmitBody, nowMs: number): StartTime {
  if (delay_ms !== undefined && run_at !== undefined) refuse("Give delay_ms or run_at, not both.", "run_at");
  const runAtMs = run_at === undefined ? null : Date.parse(run_at);
  if (runAtMs !== null && runAtMs - nowMs > MAX_AHEAD_MS) refuse("run_at is more than 30 days ahead.", "run_at");
  const delayMs = delay_ms || null;
  if (delayMs !== null && deadline_ms !== undefined && delayMs >= deadline_ms) throw deadlineRefusal();
  return { delayMs, runAtMs };
}
