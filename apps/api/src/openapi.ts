import { errorSchema as anthropicErrorSchema } from "@llamero/anthropic";
import { ownerSchema } from "@llamero/core";
import { z } from "zod";
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import { errorSchema } from "./http-errors.ts";
import { isReadOfOwner, type Route, scopeOf } from "./route.ts";

const JSON_TYPE = "application/json";
const json = (schema: unknown) => ({ [JSON_TYPE]: { schema } });

/** When a route answers with an error, by status. */
const errorTexts = {
  400: "The request is not valid; the message names the field.",
  401: "The API key is missing or not valid.",
  403: "The key lacks the scope for it; without API keys, only loopback names are served.",
  404: "There is no such thing, or it is another owner's.",
  408: "There was no answer in time.",
  409: "It is not in a state for this, or the Idempotency-Key was used with another body.",
  413: "The body is too large.",
  415: "The body is not of the type that is taken here.",
  429: "Too many jobs wait for the model, or a limit of the key is reached; `Retry-After` says when there may be room.",
  503: "Redis or the file storage does not answer or is full, or no model is known yet; `Retry-After` says when to try again.",
} as const;

const retryAfterHeader = z.object({ "Retry-After": z.string().meta({ description: "Seconds until another try makes sense." }) });

/** The statuses that follow from what a route is, and those that it names itself. */
function errorStatuses({ request, isPublic, errors }: Route): (keyof typeof errorTexts)[] {
  const fromAccess = isPublic === true ? [] : ([401, 403, 503] as const);
  const fromBody = request?.body === undefined && request?.upload === undefined ? [] : ([413, 415] as const);
  return [400, ...fromAccess, ...fromBody, ...(errors ?? [])];
}

const ownerQuery = z.object({
  owner: ownerSchema
    .optional()
    .meta({ description: "Whose things to read, for keys of the scope `read_all`. Default: one's own." }),
});

function queryOf(route: Route): { query?: z.ZodObject } {
  const own = route.request?.query;
  if (!isReadOfOwner(route)) return own === undefined ? {} : { query: own };
  return { query: own === undefined ? ownerQuery : own.extend(ownerQuery.shape) };
}

function requestBodyOf({ request }: Route) {
  if (request?.upload !== undefined) {
    const { contentType, schema } = request.upload;
    return { requestBody: { required: true, content: { [contentType]: { schema } } } };
  }
  return request?.body === undefined ? {} : { requestBody: { required: true, content: json(request.body) } };
}

function operation(route: Route): ZodOpenApiOperationObject {
  const { request, responses } = route;
  const answers = Object.entries(responses).map(([status, { description, schema, contentType = JSON_TYPE, headers }]) => [
    status,
    {
      description,
      ...(schema === undefined ? {} : { content: { [contentType]: { schema } } }),
      ...(headers === undefined ? {} : { headers }),
    },
  ]);
  const failures = errorStatuses(route).map((status) => [
    String(status),
    {
      description: errorTexts[status],
      content: json(route.dialect === "anthropic" ? anthropicErrorSchema : errorSchema),
      ...(status === 503 || status === 429 ? { headers: retryAfterHeader } : {}),
    },
  ]);
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    tags: [route.tag],
    // OpenAPI 3.1 takes what a key must allow where OAuth has its scopes.
    security: route.isPublic === true ? [] : [{}, { bearer: [scopeOf(route)] }],
    requestParams: {
      ...(request?.path === undefined ? {} : { path: request.path }),
      ...queryOf(route),
      ...(request?.headers === undefined ? {} : { header: request.headers }),
    },
    ...requestBodyOf(route),
    responses: Object.fromEntries([...answers, ...failures]),
  } as ZodOpenApiOperationObject;
}

/** The OpenAPI 3.1 document of a list of routes: their own schemas, nothing written twice. */
export function openApiDocument(routes: readonly Route[], version: string) {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) paths[route.path] = { ...paths[route.path], [route.method]: operation(route) };
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Llamero",
      version,
      description: "LLM inference as durable background jobs, on your own models and machines.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "jobs" },
      { name: "webhooks" },
      { name: "models" },
      { name: "openai" },
      { name: "anthropic" },
      { name: "schedules" },
      { name: "workers" },
      { name: "admin" },
      { name: "service" },
    ],
    security: [{}, { bearer: [] }],
    components: { securitySchemes: { bearer: { type: "http", scheme: "bearer", description: "An API key." } } },
    paths,
  });
}
