import fc, { type Arbitrary } from "fast-check";
import { brokenText, brokenValue } from "./break-body.ts";
import type { Draft, Pair } from "./draft.ts";
import { oddText, oddValue } from "./odd-value.ts";
import type { Operation, Parameter } from "./operations.ts";
import type { SchemaValues } from "./schema-value.ts";
import { slips } from "./slips.ts";

const MOST_SLIPS = 3;

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
/** As a browser would write it; what is no text at all is written as its bytes. */
const encode = (text: string): string =>
  text.isWellFormed() ? encodeURIComponent(text) : encodeURIComponent(text.toWellFormed());

/** Pairs of a parameter, as its style writes them. */
function pairsOf({ name, style }: Parameter, value: unknown): Pair[] {
  if (style !== "deepObject" || typeof value !== "object" || value === null) return [[name, asText(value)]];
  return Object.entries(value).map(([key, item]) => [`${name}[${key}]`, asText(item)]);
}

type Given = readonly [Parameter, unknown][];

/** Values for the parameters of one kind; optional ones are given now and then. */
function given(operation: Operation, place: Parameter["in"], values: SchemaValues): Arbitrary<Given> {
  const own = operation.parameters.filter((parameter) => parameter.in === place);
  const each = own.map((parameter) => {
    const value = values.of(parameter.schema, parameter.name).map((made): Given => [[parameter, made]]);
    const absent = { weight: place === "path" ? 0 : 2, arbitrary: fc.constant<Given>([]) };
    return fc.oneof({ withCrossShrink: true }, absent, { weight: 1, arbitrary: value });
  });
  return fc.tuple(...each).map((list) => list.flat());
}

/** Bodies: mostly broken ones, some that conform, some that have nothing to do with the schema. */
function bodyOf(operation: Operation, values: SchemaValues): Arbitrary<Buffer | null> {
  if (operation.body === null) return fc.constant(null);
  const asBytes = (value: unknown) => Buffer.from(JSON.stringify(value) ?? "");
  const conforming = values.ofBody(operation.body, operation.id);
  return fc.oneof(
    { weight: 5, arbitrary: conforming.map(asBytes) },
    { weight: 6, arbitrary: brokenValue(conforming).map(asBytes) },
    { weight: 2, arbitrary: brokenText(conforming) },
    { weight: 1, arbitrary: oddValue.map(asBytes) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  );
}

/** @param keys valid API keys: of the owner whom most requests come from, and of another */
export function draftOf(operation: Operation, values: SchemaValues, keys: readonly string[]): Arbitrary<Draft> {
  const parts = fc.record({
    path: given(operation, "path", values),
    query: given(operation, "query", values),
    headers: given(operation, "header", values),
    body: bodyOf(operation, values),
    slips: fc.oneof(
      { weight: 1, arbitrary: fc.constant([]) },
      { weight: 2, arbitrary: fc.array(slips(keys), { maxLength: MOST_SLIPS }) },
    ),
  });
  return parts.map(({ path, query, headers, body, slips: list }) => {
    const draft: Draft = {
      operationId: operation.id,
      method: operation.method,
      path: path.reduce((text, [{ name }, value]) => text.replace(`{${name}}`, () => encode(asText(value))), operation.path),
      query: query
        .flatMap(([parameter, value]) => pairsOf(parameter, value))
        .map(([name, value]) => [encode(name), encode(value)]),
      headers: [
        ["authorization", `Bearer ${keys[0]}`],
        ...(body === null ? [] : [["content-type", "application/json"] as const]),
        ...headers.flatMap(([parameter, value]) => pairsOf(parameter, value)),
      ],
      body,
      isAddressed: true,
    };
    for (const slip of list) slip(draft);
    return draft;
  });
}

/** A request that follows no document. */
export const randomDraft: Arbitrary<Draft> = fc
  .record({
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND"),
    path: fc.array(oddText.map(encode), { maxLength: 5 }).map((parts) => `/${parts.join("/")}`),
    query: fc.array(fc.tuple(oddText.map(encode), oddText.map(encode)), { maxLength: 3 }),
    headers: fc.array(fc.tuple(fc.stringMatching(/^[a-z-]{1,20}$/), oddText), { maxLength: 4 }),
    body: fc.option(fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes))),
  })
  .map((parts) => ({ operationId: "none", isAddressed: false, ...parts, query: [...parts.query], headers: [...parts.headers] }));
