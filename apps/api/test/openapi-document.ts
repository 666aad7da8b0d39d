import { z } from "zod";

const schemaObject = z.record(z.string(), z.unknown());
const json = z.strictObject({ "application/json": z.strictObject({ schema: schemaObject }) });
const form = z.strictObject({ "multipart/form-data": z.strictObject({ schema: schemaObject }) });
const lines = z.strictObject({ "application/x-jsonl": z.strictObject({ schema: schemaObject }) });
const bytes = z.strictObject({ "application/octet-stream": z.strictObject({ schema: schemaObject }) });
const text = z.strictObject({ "text/plain": z.strictObject({ schema: schemaObject }) });
const events = z.strictObject({ "text/event-stream": z.strictObject({ schema: schemaObject }) });

const headers = z.record(z.string(), z.looseObject({ schema: schemaObject, required: z.boolean().optional() }));

const operationSchema = z.strictObject({
  operationId: z.string().regex(/^[a-z]\w+$/),
  summary: z.string().min(5),
  description: z.string().min(5).optional(),
  tags: z.array(z.string()).min(1),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  parameters: z
    .array(
      z.strictObject({
        in: z.enum(["path", "query", "header"]),
        name: z.string().min(1),
        schema: schemaObject,
        required: z.boolean().optional(),
        description: z.string().optional(),
        style: z.enum(["deepObject"]).optional(),
        explode: z.boolean().optional(),
      }),
    )
    .default([])
    .refine((list) => list.every((parameter) => parameter.in !== "path" || parameter.required === true)),
  requestBody: z.strictObject({ required: z.boolean(), content: z.union([json, form]) }).optional(),
  responses: z.record(
    z.string().regex(/^[2-5]\d\d$/),
    z.strictObject({
      description: z.string().min(1),
      content: z.union([json, events, bytes, lines, text]).optional(),
      headers: headers.optional(),
    }),
  ),
});

const methods = ["get", "post", "delete"] as const;

/** The parts of an OpenAPI 3.1 document that ours uses, by the specification; anything else in it is refused. */
export const documentSchema = z.strictObject({
  openapi: z.literal("3.1.0"),
  info: z.strictObject({
    title: z.string(),
    version: z.string(),
    description: z.string(),
    license: z.strictObject({ name: z.string(), identifier: z.string() }),
  }),
  servers: z.array(z.strictObject({ url: z.string() })),
  tags: z.array(z.strictObject({ name: z.string() })),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  paths: z.record(z.string().startsWith("/"), z.partialRecord(z.enum(methods), operationSchema)),
  components: z.strictObject({
    schemas: z.record(z.string().regex(/^[A-Za-z0-9._-]+$/), schemaObject),
    securitySchemes: z.record(z.string(), schemaObject),
  }),
});
export type Document = z.infer<typeof documentSchema>;

export function operations(document: Document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ path, method, operation }];
    }),
  );
}

/** Every `$ref` in a value. */
export function refsOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => (key === "$ref" ? [String(item)] : refsOf(item)));
}

/** What the document says of an answer's body: its content type; null for none. */
export function answerType(document: Document, operationId: string, status: number): string | null {
  const { content } = answerOf(document, operationId, status);
  return content === undefined ? null : (Object.keys(content)[0] ?? null);
}

function answerOf(document: Document, operationId: string, status: number) {
  const found = operations(document).find(({ operation }) => operation.operationId === operationId);
  const answer = found?.operation.responses[String(status)];
  if (answer === undefined) throw new Error(`the document has no ${status} for ${operationId}`);
  return answer;
}

/** A validator made of the document alone: JSON Schema in, no schema of ours. */
export function answerSchema(document: Document, operationId: string, status: number): z.ZodType {
  const { content } = answerOf(document, operationId, status);
  if (content === undefined || !("application/json" in content))
    throw new Error(`${operationId} does not answer ${status} in JSON`);
  const { schema } = content["application/json"];
  const local = JSON.parse(
    JSON.stringify({ ...schema, $defs: document.components.schemas }).replaceAll("#/components/schemas/", "#/$defs/"),
  );
  return z.fromJSONSchema(local);
}
