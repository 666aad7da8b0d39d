import { expect, it } from "vitest";
import { z } from "zod";
import { AppError } from "./errors.ts";
import { submitSchema } from "./submit.ts";
import { validate } from "./validate.ts";

function refusal(value: unknown, schema: z.ZodType = submitSchema): AppError {
  try {
    validate(schema, value);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("was taken");
}

const params = (value: unknown) => ({ prompt: "a", params: value });

it("gives the parsed value", () => {
  expect(validate(z.object({ a: z.string().transform(Number) }), { a: "5" })).toEqual({ a: 5 });
});

it.each([
  [params({ stop: 5 }), "params.stop: expected string or array, received number.", "params.stop"],
  [params({ stop: ["a", 5] }), "params.stop.1: expected string, received number.", "params.stop.1"],
  [params({ stop: [] }), "params.stop: Too small: expected array to have >=1 items.", "params.stop"],
  [{ input: {} }, "input: expected string or array, received object.", "input"],
  [{ input: [[]] }, "input.0: expected string, received array.", "input.0"],
  [params({ response_format: 5 }), "params.response_format: expected object, received number.", "params.response_format"],
  [
    params({ response_format: { type: "xml" } }),
    "params.response_format.type: Expected 'text' | 'json_object' | 'json_schema'.",
    "params.response_format.type",
  ],
  [
    params({ response_format: { type: "json_schema" } }),
    "params.response_format.json_schema: expected object, received undefined.",
    "params.response_format.json_schema",
  ],
  [params({ logit_bias: { x: 1 } }), "params.logit_bias.x: must be a token id.", "params.logit_bias.x"],
  [{ prompt: "" }, "prompt: is empty.", "prompt"],
  [5, "The body: expected object, received number.", null],
])("says what is wrong with %j", (value, message, param) => {
  expect(refusal(value)).toMatchObject({ code: "invalid_request", message, param });
});

it("names unknown parameters with their path", () => {
  expect(refusal({ prompt: "a", foo: 1, bar: 2 })).toMatchObject({
    code: "unknown_parameter",
    message: "Unknown parameter: foo, bar.",
    param: "foo",
  });
  expect(refusal(params({ tmp: 1 }))).toMatchObject({ message: "Unknown parameter: params.tmp.", param: "params.tmp" });
  expect(refusal({ prompt: "a", "": 1 })).toMatchObject({ message: 'Unknown parameter: "".', param: '""' });
});

it("names five faults at most, and repeats little of what was sent", () => {
  const many = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`${index}`.padEnd(1_000, "x"), 1]));
  const { message, param } = refusal(many);
  expect(message).toContain("and 895 more");
  expect(message.length).toBeLessThan(700);
  expect(param?.length).toBeLessThan(110);
  expect(refusal({ metadata: many }).message.length).toBeLessThan(1_000);
});

it("takes the deepest branch of nested unions", () => {
  const schema = z.union([z.string(), z.object({ a: z.union([z.number(), z.object({ b: z.number() })]) })]);
  expect(refusal({ a: { b: "x" } }, schema)).toMatchObject({ message: "a.b: expected number, received string.", param: "a.b" });
});
