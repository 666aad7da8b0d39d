/** The part of JSON Schema that our OpenAPI document is written in. */
export interface Schema {
  $ref?: string;
  type?: string | readonly string[];
  enum?: readonly unknown[];
  const?: unknown;
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  properties?: Record<string, Schema>;
  required?: readonly string[];
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
}

export interface Parameter {
  in: "path" | "query" | "header";
  name: string;
  schema: Schema;
  required?: boolean;
  style?: "deepObject";
}

/** One route and method of an API. */
export interface Operation {
  id: string;
  /** In capitals. */
  method: string;
  /** With `{names}` where parameters stand. */
  path: string;
  parameters: readonly Parameter[];
  /** Of a JSON body; null where none is taken. */
  body: Schema | null;
  /** Statuses that the document lists. */
  statuses: readonly number[];
}

interface Document {
  paths: Record<string, Record<string, DocumentedOperation>>;
  components: { schemas: Record<string, Schema> };
}

interface DocumentedOperation {
  operationId: string;
  parameters?: readonly Parameter[];
  requestBody?: { content: { "application/json"?: { schema: Schema } } };
  responses: Record<string, unknown>;
}

export interface Api {
  operations: readonly Operation[];
  /** The schema that a reference names. */
  resolve: (schema: Schema) => Schema;
}

/** What an OpenAPI document of ours says of requests; that it is one is for `apps/api/test/openapi.test.ts` to check. */
export function readDocument(json: unknown): Api {
  const { paths, components } = json as Document;
  const resolve = (schema: Schema): Schema => {
    if (schema.$ref === undefined) return schema;
    const found = components.schemas[schema.$ref.replace("#/components/schemas/", "")];
    if (found === undefined) throw new Error(`the document refers to ${schema.$ref}, which it does not have`);
    return resolve(found);
  };
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
      parameters: operation.parameters ?? [],
      body: operation.requestBody?.content["application/json"]?.schema ?? null,
      statuses: Object.keys(operation.responses).map(Number),
    })),
  );
  return { operations, resolve };
}
