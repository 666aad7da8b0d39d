import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { AppError, type Job, jobSchema, type SubmitBody } from "@llamero/core";
import { describe, expect, it } from "vitest";
import { JobSchema, ParamsSchema, SubmitRequestSchema } from "./gen/llamero/v1/jobs_pb.js";
import { initOf } from "./message-init.ts";
import { plainOf } from "./plain.ts";
import { readSubmission } from "./submission.ts";

/** A message as it is behind the wire. */
function sent<Desc extends DescMessage>(desc: Desc, init: MessageInitShape<Desc>) {
  return fromBinary(desc, toBinary(desc, create(desc, init)));
}

const submitted = (init: MessageInitShape<typeof SubmitRequestSchema>) => readSubmission(sent(SubmitRequestSchema, init));

function refusal(init: MessageInitShape<typeof SubmitRequestSchema>): AppError {
  try {
    submitted(init);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("was taken");
}

const schema = { type: "object", properties: { z: { type: "string" }, a: { type: "integer" } }, required: ["z", "a"] };

/** Everything that a submission may say, none of it as it is by default. */
const body: SubmitBody = {
  type: "chat",
  model: "tiny",
  messages: [
    { role: "system", content: "Be short." },
    { role: "user", content: "Hi 🦙" },
    { role: "assistant", content: "Yes?", tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: "{}" } }] },
    { role: "tool", tool_call_id: "c", content: "" },
  ],
  params: {
    max_tokens: 5,
    temperature: 0.7,
    top_p: 0.9,
    top_k: 0,
    min_p: 0,
    seed: 4_294_967_295,
    stop: ["a", "b"],
    presence_penalty: -2,
    frequency_penalty: 0.1,
    repeat_penalty: 1.1,
    repeat_last_n: 0,
    dry_multiplier: 0.5,
    dry_base: 1.5,
    dry_allowed_length: 2,
    dry_penalty_last_n: -1,
    dry_sequence_breakers: ["\n"],
    xtc_probability: 0.5,
    xtc_threshold: 0.1,
    logit_bias: { "0": -100, "7": 1.5 },
    ignore_eos: false,
    response_format: { type: "json_schema", json_schema: { name: "n", description: "d", schema } },
    grammar: 'root ::= "a"',
    tools: [{ type: "function", function: { name: "f", description: "", parameters: schema } }],
    tool_choice: { type: "function", function: { name: "f" } },
    parallel_tool_calls: false,
  },
  priority: "high",
  supersede_key: "k",
  delay_ms: 2_592_000_000,
  run_at: "2026-11-26T10:00:00.123Z",
  deadline_ms: 1,
  metadata: { a: "b", "": "" },
  webhook: { url: "https://hooks.example/", events: ["job.started"], payload: "thin", secret: `whsec_${"A".repeat(43)}=` },
};

describe("a submission", () => {
  it("is the same as a message as it is over HTTP", () => {
    expect(Object.keys(body.params ?? {}).toSorted()).toEqual(
      SubmitRequestSchema.field["params"]?.message?.fields.map(({ name }) => name).toSorted(),
    );
    const plain = plainOf(SubmitRequestSchema, sent(SubmitRequestSchema, initOf(SubmitRequestSchema, body)));
    expect(JSON.stringify(plain.params)).toBe(JSON.stringify(body.params));
    expect(plain).toEqual(body);
  });

  it.each<Partial<SubmitBody>>([
    { prompt: "a", type: "completion" },
    { input: ["a", "b"] },
    { query: "q", documents: ["a"], top_n: 1 },
    { prompt: "a", params: { tool_choice: "none" } },
    { prompt: "a", params: { response_format: { type: "text" } } },
    { prompt: "a", params: { response_format: { type: "json_object" } } },
    { prompt: "a", params: {} },
  ])("is so for %j", (plain) => {
    expect(plainOf(SubmitRequestSchema, sent(SubmitRequestSchema, initOf(SubmitRequestSchema, plain)))).toEqual(plain);
  });

  it("has its own key beside what it asks for", () => {
    expect(submitted({ prompt: "a", idempotencyKey: "k" })).toEqual({ body: { prompt: "a" }, idempotencyKey: "k" });
    expect(submitted({ prompt: "a" })).toEqual({ body: { prompt: "a" }, idempotencyKey: null });
  });

  it("takes times to the millisecond, before 1970 too", () => {
    expect(submitted({ prompt: "a", runAt: { seconds: -1n, nanos: 999_999_999 } }).body.run_at).toBe("1969-12-31T23:59:59.999Z");
  });
});

describe("what a message cannot say in JSON", () => {
  it.each<[string, MessageInitShape<typeof SubmitRequestSchema>, string, string | null]>([
    [
      "JSON that is none",
      { prompt: "a", params: { tools: [{ function: { parametersJson: "{" } }] } },
      "invalid_json",
      "params.tools.0.function.parameters_json",
    ],
    [
      "JSON that is no object",
      { prompt: "a", params: { tools: [{ function: { name: "f", parametersJson: "1" } }] } },
      "invalid_request",
      "params.tools.0.function.parameters",
    ],
    ["a time that no calendar has", { prompt: "a", runAt: { seconds: 2n ** 62n } }, "invalid_request", "run_at"],
    ["an enum of a later version", { prompt: "a", type: 99 as never }, "invalid_request", "type"],
    ["an empty choice", { prompt: "a", params: { toolChoice: {} } }, "invalid_request", "params.tool_choice.function.name"],
    [
      "a number that is none",
      { prompt: "a", params: { temperature: Number.POSITIVE_INFINITY } },
      "invalid_request",
      "params.temperature",
    ],
    ["a text with NUL", { prompt: "a", metadata: { a: "\0" } }, "invalid_request", "metadata.a"],
  ])("is refused: %s", (_what, init, code, param) => {
    expect(refusal(init)).toMatchObject({ code, param });
  });
});

it("fields of a later version are refused, wherever they are", () => {
  // Field 99 with the number 1: what this version's form of the messages does not have.
  const later = Buffer.from([0x98, 0x06, 1]);
  const params = Buffer.concat([toBinary(ParamsSchema, create(ParamsSchema, { temperature: 1 })), later]);
  const message = Buffer.concat([
    toBinary(SubmitRequestSchema, create(SubmitRequestSchema, { prompt: "a" })),
    Buffer.from([9 * 8 + 2, params.length]),
    params,
  ]);
  const read = (bytes: Uint8Array) => () => readSubmission(fromBinary(SubmitRequestSchema, bytes));
  expect(read(message)).toThrow(expect.objectContaining({ code: "unknown_parameter", param: "params" }));
  expect(read(later)).toThrow(
    expect.objectContaining({
      code: "unknown_parameter",
      param: null,
      message: expect.stringContaining("field 99 of llamero.v1.SubmitRequest"),
    }),
  );
});

/** A job with all that one can have. */
const job: Job = jobSchema.parse({
  id: `job_${"0".repeat(26)}`,
  object: "job",
  type: "chat",
  model: "tiny",
  status: "succeeded",
  priority: "low",
  position: 3,
  eta_seconds: 0,
  created_at: "2026-11-26T10:00:00.001Z",
  run_at: "2026-11-26T10:00:01.000Z",
  deadline_at: "2026-11-26T10:00:02.000Z",
  started_at: "2026-11-26T10:00:03.000Z",
  finished_at: "2026-11-26T10:00:04.999Z",
  attempts: 2,
  resumed_from: 1,
  progress: { completion_tokens: 7 },
  params: { ...body.params, stop: "one" },
  output: {
    message: {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: "{}" } }],
    },
    text: "",
    finish_reason: "tool_calls",
  },
  usage: { prompt_tokens: 1, cached_tokens: 0, completion_tokens: 2, total_tokens: 3 },
  timings: { queue_ms: 0, prefill_ms: 1.5, first_token_ms: null, generate_ms: 2 },
  error: { code: "engine_failed", message: "It failed." },
  metadata: { a: "b" },
  retry_of: `job_${"1".repeat(26)}`,
  retried_by: `job_${"2".repeat(26)}`,
  supersede_key: "k",
  superseded_by: `job_${"3".repeat(26)}`,
  batch_id: "batch_1",
  cached: true,
  session_id: "chat-7",
  routing: { alias: "chat", degraded: true, tried: [{ model: "small", code: "timeout" }] },
  webhook: { url: "https://hooks.example/", events: ["job.failed"], payload: "full" },
});

/** The same without what is null, which a message says by leaving it out. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (item === null ? [] : [[key, withoutNulls(item)]])));
}

describe("a job", () => {
  it("is the same as a message as it is over HTTP", () => {
    const { object: _object, ...plain } = job;
    const message = plainOf(JobSchema, sent(JobSchema, initOf(JobSchema, job)));
    // A count that is zero is not set, and read as zero.
    const expected = withoutNulls({ ...plain, params: { ...plain.params, stop: ["one"] } });
    expect(message).toEqual({ ...(expected as object), usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } });
  });

  it.each([
    [{ embeddings: [[0.5, -1], []] }, { embeddings: [{ values: [0.5, -1] }, {}] }],
    [
      {
        results: [
          { index: 0, relevance_score: 0 },
          { index: 1, relevance_score: 0.25 },
        ],
      },
      { results: [{}, { index: 1, relevance_score: 0.25 }] },
    ],
    [
      { text: "", finish_reason: "error" },
      { text: "", finish_reason: "error" },
    ],
  ])("has the output %j", (output, expected) => {
    const message = plainOf(JobSchema, sent(JobSchema, initOf(JobSchema, { ...job, output })));
    expect(message.output).toEqual(expected);
  });
});
