import { INTERNALS } from "@llamero/testkit/bad-requests";
import { expect } from "vitest";
import { z } from "zod";

const envelope = z.strictObject({
  error: z.strictObject({
    message: z.string().min(1).max(4_000),
    type: z.string().min(1),
    code: z.string().min(1),
    param: z.string().nullable(),
  }),
});

/** The same in Anthropic's form, which has no code and no param. */
const anthropicEnvelope = z
  .strictObject({
    type: z.literal("error"),
    error: z.strictObject({ type: z.string().min(1), message: z.string().min(1).max(4_000) }),
    request_id: z.string().min(1),
  })
  .transform(({ error }) => ({ error: { ...error, code: error.type, param: null } }));

export interface ErrorText {
  status: number;
  headers: Headers;
  text: string;
}

/** Checks an answer to be an error in the envelope that keeps its insides to itself, and gives its error. */
export function checkError({ status, headers, text }: ErrorText) {
  expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(headers.get("x-request-id")).toMatch(/^[\w=-]{1,128}$/);
  expect(text).not.toMatch(INTERNALS);
  const { error } = z.union([envelope, anthropicEnvelope]).parse(JSON.parse(text));
  return { status, headers, ...error };
}

export async function errorOf(response: Response) {
  return checkError({ status: response.status, headers: response.headers, text: await response.text() });
}
