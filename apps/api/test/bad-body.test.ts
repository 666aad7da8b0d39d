import { describe, expect, it } from "vitest";
import { errorOf } from "./expect-error.ts";
import { CONTEXT, jsonType, TOKEN_BYTES, useApi } from "./harness.ts";

const api = useApi();
const tooLong = "x".repeat(CONTEXT * TOKEN_BYTES + 1);

/** Body text → what the error's code and message must say, and which field it names. */
type Case = [name: string, body: string, code: string, says: RegExp, param: string | null];
const prompt = (rest: string) => `{"prompt":"a",${rest}}`;
const params = (text: string) => prompt(`"params":{${text}}`);
const schema = (text: string) => params(`"response_format":{"type":"json_schema","json_schema":{"schema":${text}}}`);
const schemaPath = "params.response_format.json_schema.schema";
const deep = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const keys = (count: number) => Array.from({ length: count }, (_, index) => `"k${index}":"v"`).join();

const bodies: Case[] = [
  ["nothing", "", "invalid_json", /not valid JSON/, null],
  ["half a document", '{"prompt":', "invalid_json", /not valid JSON/, null],
  ["a trailing comma", '{"prompt":"a",}', "invalid_json", /not valid JSON/, null],
  ["a comment", '{"prompt":"a"} // hi', "invalid_json", /not valid JSON/, null],
  ["two documents", "{}{}", "invalid_json", /not valid JSON/, null],
  ["form data", "prompt=a", "invalid_json", /not valid JSON/, null],
  ["a raw newline in a string", '{"prompt":"a\nb"}', "invalid_json", /not valid JSON/, null],
  ["an open string", '{"prompt":"a', "invalid_json", /not valid JSON/, null],
  ["NaN", params('"temperature":NaN'), "invalid_json", /not valid JSON/, null],
  ["Infinity", params('"temperature":Infinity'), "invalid_json", /not valid JSON/, null],
  ["100,000 open brackets", "[".repeat(100_000), "invalid_json", /deeper than 64/, null],
  ["100,000 levels of lists", `{"prompt":"a","x":${deep(100_000)}}`, "invalid_json", /deeper than 64/, null],
  ["100,000 levels of objects", '{"a":'.repeat(100_000), "invalid_json", /deeper than 64/, null],
  ["100,000 keys", `{${keys(100_000)}}`, "invalid_json", /more than 20000 values/, null],
  ["10,000 keys", `{${keys(10_000)}}`, "unknown_parameter", /k0, k1, k2, k3, k4 and 9995 more/, "k0"],
  ["10,000 metadata keys", prompt(`"metadata":{${keys(10_000)}}`), "invalid_request", /more than 16 keys/, "metadata"],
  ["10,000 biases", params(`"logit_bias":{${keys(10_000)}}`), "invalid_request", /logit_bias.k0: /, "params.logit_bias.k0"],
  ["a list", "[]", "invalid_request", /The body: expected object, received array/, null],
  ["null", "null", "invalid_request", /expected object, received null/, null],
  ["a string", '"prompt"', "invalid_request", /expected object, received string/, null],
  ["a number", "1e999", "invalid_request", /expected object/, null],
  ["no input", "{}", "invalid_request", /one of prompt, messages, input or documents/, "prompt"],
  ["two inputs", '{"prompt":"a","input":"a"}', "invalid_request", /only one of.*prompt and input/, "input"],
  ["an empty prompt", '{"prompt":""}', "invalid_request", /prompt: is empty/, "prompt"],
  ["no messages", '{"messages":[]}', "invalid_request", /messages: is empty/, "messages"],
  ["an empty message", '{"messages":[{"role":"user","content":""}]}', "invalid_request", /is empty/, "messages.0.content"],
  ["an empty input", '{"input":["a",""]}', "invalid_request", /input.1: is empty/, "input.1"],
  ["a number for a prompt", '{"prompt":5}', "invalid_request", /prompt: expected string, received number/, "prompt"],
  ["null for a prompt", '{"prompt":null}', "invalid_request", /prompt: expected string, received null/, "prompt"],
  ["an unknown role", '{"messages":[{"role":"god","content":"a"}]}', "invalid_request", /system.*user/, "messages.0.role"],
  ["a number for input", '{"input":5}', "invalid_request", /input: expected string or array, received number/, "input"],
  ["a number in input", '{"input":["a",5]}', "invalid_request", /input.1: expected string/, "input.1"],
  ["a type that does not fit", '{"input":"a","type":"chat"}', "invalid_request", /chat does not take input/, "type"],
  ["an unknown type", prompt('"type":"paint"'), "invalid_request", /"chat"\|"completion"\|"embedding"\|"rerank"/, "type"],
  ["an unknown field", prompt('"promt":"b"'), "unknown_parameter", /Unknown parameter: promt\./, "promt"],
  ["an unknown parameter", params('"temprature":1'), "unknown_parameter", /params\.temprature/, "params.temprature"],
  ["a negative count", params('"max_tokens":-1'), "invalid_request", /params.max_tokens: .*>=1/, "params.max_tokens"],
  ["a fraction of a token", params('"max_tokens":1.5'), "invalid_request", /expected int/, "params.max_tokens"],
  ["1e999", params('"temperature":1e999'), "invalid_request", /params.temperature: expected number/, "params.temperature"],
  ["-1e999", params('"top_p":-1e999'), "invalid_request", /params.top_p: expected number/, "params.top_p"],
  ["a huge number", params('"seed":1e300'), "invalid_request", /params.seed/, "params.seed"],
  ["a number as text", params('"temperature":"1"'), "invalid_request", /expected number, received string/, "params.temperature"],
  ["a number for stop", params('"stop":5'), "invalid_request", /stop: expected string or array, received number/, "params.stop"],
  ["a number in stop", params('"stop":["a",5]'), "invalid_request", /stop.1: expected string/, "params.stop.1"],
  ["a format of no type", params('"response_format":{}'), "invalid_request", /'json_schema'/, "params.response_format.type"],
  ["an unknown format", params('"response_format":{"type":"xml"}'), "invalid_request", /'text'/, "params.response_format.type"],
  ["a bias for no token", params('"logit_bias":{"a":1}'), "invalid_request", /must be a token id/, "params.logit_bias.a"],
  ["a keyword without grammar", schema('{"type":"string","not":{}}'), "unsupported_schema", /Supported/, `${schemaPath}.not`],
  ["a schema of 40 levels", schema(`${'{"items":'.repeat(40)}{}${"}".repeat(40)}`), "unsupported_schema", /deeper/, "*"],
  [
    "grammar and format",
    params('"grammar":"root ::= []","response_format":{"type":"json_object"}'),
    "invalid_request",
    /not both/,
    "params.grammar",
  ],
  ["params for an embedding", '{"input":"a","params":{}}', "invalid_request", /takes no params/, "params"],
  ["a delay and a time", prompt('"delay_ms":1,"run_at":"2030-01-01T00:00:00Z"'), "invalid_request", /not both/, "run_at"],
  ["a delay of years", prompt('"delay_ms":1e12'), "invalid_request", /delay_ms/, "delay_ms"],
  ["a negative delay", prompt('"delay_ms":-1'), "invalid_request", /delay_ms: .*>=0/, "delay_ms"],
  ["a day that is none", prompt('"run_at":"2030-02-30T00:00:00Z"'), "invalid_request", /run_at: Invalid ISO datetime/, "run_at"],
  ["a far time", prompt('"run_at":"9999-01-01T00:00:00Z"'), "invalid_request", /more than 30 days/, "run_at"],
  ["a class that there is none of", prompt('"priority":"urgent"'), "invalid_request", /priority: .*"high"/, "priority"],
  ["a deadline of zero", prompt('"deadline_ms":0'), "invalid_request", /deadline_ms/, "deadline_ms"],
  ["metadata that is no text", prompt('"metadata":{"a":1}'), "invalid_request", /metadata.a: expected string/, "metadata.a"],
  ["a list for metadata", prompt('"metadata":[]'), "invalid_request", /metadata: expected record/, "metadata"],
  ["__proto__ in the body", prompt('"__proto__":{"type":"x"}'), "invalid_request", /__proto__/, null],
  ["__proto__ in params", params('"__proto__":{"seed":1}'), "invalid_request", /params has the key __proto__/, "params"],
  ["__proto__ in metadata", prompt('"metadata":{"__proto__":"x"}'), "invalid_request", /__proto__/, "metadata"],
  ["__proto__ in escapes", prompt('"metadata":{"\\u005f_proto\\u005f_":"x"}'), "invalid_request", /__proto__/, "metadata"],
  ["__proto__ in a schema", schema('{"type":"object","properties":{"__proto__":{}}}'), "invalid_request", /__proto__/, "*"],
  ["constructor in the body", prompt('"constructor":{"prototype":1}'), "unknown_parameter", /constructor/, "constructor"],
  ["prototype in params", params('"prototype":{}'), "unknown_parameter", /params.prototype/, "params.prototype"],
  ["constructor in a schema", schema('{"type":"string","constructor":1}'), "unsupported_schema", /constructor/, "*"],
  ["a schema that is its own type", schema('{"type":"constructor"}'), "unsupported_schema", /type must be one of/, "*"],
  ["a reference to a prototype", schema('{"$ref":"#/$defs/constructor"}'), "unsupported_schema", /\$ref/, "*"],
  ["a lone surrogate", '{"prompt":"a\\ud800b"}', "invalid_request", /prompt has an unpaired surrogate/, "prompt"],
  ["a lone surrogate as a key", prompt('"metadata":{"\\udc00":"a"}'), "invalid_request", /surrogate/, "metadata"],
  ["a NUL character", '{"prompt":"a\\u0000b"}', "invalid_request", /prompt has a NUL character/, "prompt"],
  ["a NUL character deep inside", params('"stop":["\\u0000"]'), "invalid_request", /params.stop.0 has a NUL/, "params.stop.0"],
  ["an unknown model", prompt('"model":"gpt-9"'), "model_not_found", /"gpt-9"\. Models: tiny, embedder\./, "model"],
  ["a model named constructor", prompt('"model":"constructor"'), "model_not_found", /Models: tiny/, "model"],
  ["an empty model", prompt('"model":""'), "invalid_request", /model/, "model"],
  ["a model of 300 letters", prompt(`"model":"${"m".repeat(300)}"`), "invalid_request", /model/, "model"],
  ["no query", '{"documents":["a"]}', "invalid_request", /Give the query/, "query"],
  ["an empty document", '{"query":"a","documents":["b",""]}', "invalid_request", /documents.1: is empty/, "documents.1"],
  [
    "documents for a model that cannot rerank",
    '{"model":"embedder","query":"a","documents":["b"]}',
    "unsupported_capability",
    /not rerank. Name a model that does/,
    "model",
  ],
  ["chat with an embedder", prompt('"model":"embedder"'), "unsupported_capability", /embedding, not chat/, "model"],
  [
    "a long prompt",
    `{"prompt":"${tooLong}"}`,
    "context_length_exceeded",
    /16385 bytes, at least 1025 tokens; tiny holds 1024/,
    "prompt",
  ],
  ["a long message", `{"messages":[{"role":"user","content":"${tooLong}"}]}`, "context_length_exceeded", /1025/, "messages"],
  ["a long input", `{"input":"${tooLong}"}`, "context_length_exceeded", /1025 tokens; tiny holds 1024/, "input"],
  ["a long second input", `{"input":["a","${tooLong}"]}`, "context_length_exceeded", /1025/, "input.1"],
  [
    "too many tokens",
    params('"max_tokens":1024'),
    "context_length_exceeded",
    /at least 1 tokens and max_tokens is 1024.*1024/,
    "params.max_tokens",
  ],
  ["a field with a very long name", `{"${"n".repeat(100_000)}":1}`, "unknown_parameter", /n{100}…/, "*"],
];

describe("a body with", () => {
  it.each(bodies)("%s is refused", async (_name, body, code, says, param) => {
    const error = await errorOf(await api.post("/v1/jobs", body));
    expect(error).toMatchObject({ status: code === "model_not_found" ? 404 : 400, code });
    expect(error.message).toMatch(says);
    if (param !== "*") expect(error.param).toBe(param);
  });

  it("several faults names them all, up to five", async () => {
    const body = { prompt: 5, type: "x", delay_ms: -1, deadline_ms: 0, model: "", metadata: [], foo: 1 };
    const { message } = await errorOf(await api.post("/v1/jobs", body));
    for (const name of ["prompt", "type", "delay_ms", "deadline_ms", "model"]) expect(message).toContain(`${name}: `);
    expect(message).not.toContain("metadata");
  });

  it.each([
    ["a stray continuation byte", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["half a character", [0xe2, 0x82]],
    ["an encoded surrogate", [0xed, 0xa0, 0x80]],
    ["bytes beyond Unicode", [0xf5, 0x80, 0x80, 0x80]],
    ["UTF-16", [0xff, 0xfe]],
  ])("%s is not UTF-8", async (_name, bytes) => {
    const body = Buffer.concat([Buffer.from('{"prompt":"'), Buffer.from(bytes), Buffer.from('"}')]);
    const response = await api.request("/v1/jobs", { method: "POST", headers: jsonType, body });
    expect(await errorOf(response)).toMatchObject({ status: 400, code: "invalid_json", message: "The body is not valid UTF-8." });
  });
});

describe("a content type of", () => {
  it.each([
    "",
    "text/plain",
    "application/xml",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "json",
    "application/json; charset=latin1",
    "application/jsonp",
    "text/json",
    "application/json, text/plain",
    "x".repeat(5_000),
  ])("%j is refused", async (type) => {
    const error = await errorOf(await api.post("/v1/jobs", { prompt: "a" }, { "content-type": type }));
    expect(error).toMatchObject({ status: 415, code: "unsupported_media_type" });
    expect(error.message).toContain("application/json");
  });

  it.each([
    "application/json",
    "APPLICATION/JSON",
    "application/json;charset=UTF-8",
    'application/json; charset="utf-8"',
    "application/vnd.api+json",
  ])("%j is taken", async (type) => {
    expect((await api.post("/v1/jobs", { prompt: "a" }, { "content-type": type })).status).toBe(202);
  });

  it("JSON, but compressed, is refused", async () => {
    const error = await errorOf(await api.post("/v1/jobs", { prompt: "a" }, { "content-encoding": "gzip" }));
    expect(error).toMatchObject({ status: 415, code: "unsupported_media_type" });
    expect(error.message).toContain("gzip");
  });
});
