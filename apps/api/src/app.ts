import type { HttpBindings } from "@hono/node-server";
import { errorBody } from "@llamero/anthropic";
import { AppError, shorten, validate } from "@llamero/core";
import { type Context, Hono } from "hono";
import { requestId } from "hono/request-id";
import { z } from "zod";
import { type Auth, authorise, type Caller, LOCAL_CALLER } from "./auth.ts";
import { type BodyLimits, bodyLimit } from "./body-limit.ts";
import { addDocsPage } from "./docs-page.ts";
import { type ErrorAnswer, errorAnswer } from "./http-errors.ts";
import { nameOperation, observeCalls } from "./observe-calls.ts";
import { openApiDocument } from "./openapi.ts";
import { OutageLog } from "./outage-log.ts";
import { readQuery } from "./query.ts";
import { readAs } from "./read-as.ts";
import { checkAnnounced, readJson } from "./read-json.ts";
import { type Answer, type Route, type Services, scopeOf } from "./route.ts";
import { routes } from "./routes/index.ts";
import { traceCalls } from "./trace-calls.ts";

export interface AppOptions {
  services: Services;
  auth: Auth;
  limits: BodyLimits;
  version: string;
  newRequestId: () => string;
}

async function respond(c: Context, { status, body, text, headers, stallMs }: Answer): Promise<Response> {
  if (text !== undefined) return c.body(text, status as 200, headers);
  if (body === null) return c.body(null, status as 204, headers);
  if (!(body instanceof ReadableStream))
    return c.body(JSON.stringify(body), status as 200, { "content-type": "application/json; charset=utf-8", ...headers });
  if (c.req.method === "HEAD") {
    // Nobody reads it: what it is made of is to be closed.
    await body.cancel();
    return c.body(null, status as 200, headers);
  }
  // Node counts the time in which the socket could pass nothing on, and destroys it; without a socket there is none.
  if (stallMs !== undefined) (c.env as Partial<HttpBindings> | undefined)?.outgoing?.setTimeout(stallMs);
  return c.body(body, status as 200, headers);
}

/** @throws AppError as `authorise` */
async function callerOf(c: Context, route: Route, auth: Auth): Promise<Caller> {
  if (route.isPublic === true) return LOCAL_CALLER;
  const header = (name: string) => c.req.header(name) ?? null;
  return authorise(auth, { host: header("host"), header }, scopeOf(route));
}

const noQuery = z.strictObject({});

/** Calls of routes in Anthropic's form, whose errors have it too. */
const anthropicCalls = new WeakSet<Context>();

function inAnthropicForm(answer: ErrorAnswer, requestId: string): Answer {
  return { ...answer, body: errorBody(answer.status, answer.body.error.message, requestId) };
}

function serve(route: Route, { services, auth, limits }: AppOptions) {
  const { request } = route;
  return async (c: Context): Promise<Response> => {
    nameOperation(c, route.operationId);
    if (route.dialect === "anthropic") anthropicCalls.add(c);
    const caller = await callerOf(c, route, auth);
    checkAnnounced(c.req.raw.headers, bodyLimit(limits, route));
    const { owner, query } = readAs(caller, route, readQuery(c.req.url));
    const by = caller.key?.id ?? caller.owner;
    if (owner !== caller.owner) services.logger.info({ by, owner, operation: route.operationId }, "read of another owner");
    const answer = await route.handle(
      {
        owner,
        key: caller.key,
        by,
        path: request?.path === undefined ? undefined : validate(request.path, c.req.param()),
        query: validate(request?.query ?? noQuery, query),
        body: request?.body === undefined ? undefined : validate(request.body, await readJson(c.req.raw, limits.maxBodyBytes)),
        headers: c.req.raw.headers,
        url: c.req.url,
        stream: request?.upload === undefined ? null : c.req.raw.body,
        signal: c.req.raw.signal,
      },
      services,
    );
    return respond(c, answer);
  };
}

const toHonoPath = (path: string) => path.replace(/\{(\w+)\}/g, ":$1");

/** Methods by path, for the answer to a wrong one. */
function addMethodErrors(app: Hono): void {
  const methods = Map.groupBy(routes, (route) => route.path);
  for (const [path, list] of methods) {
    const allowed = list.flatMap(({ method }) => (method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()])).join(", ");
    app.all(toHonoPath(path), (c) => {
      const error = new AppError("method_not_allowed", `${path} takes ${allowed}, not ${shorten(c.req.method)}.`);
      const answer = errorAnswer(error);
      return respond(c, { ...answer, headers: { ...answer.headers, allow: allowed } });
    });
  }
}

/** The API as a value: `app.request()` serves it without a socket. */
export function createApp(options: AppOptions): Hono {
  const { services, version } = options;
  const app = new Hono();
  app.use(requestId({ generator: options.newRequestId, limitLength: 128 }));
  app.use(observeCalls(services.metrics));
  app.use(traceCalls(services.tracing));
  for (const route of routes) app.on(route.method.toUpperCase(), toHonoPath(route.path), serve(route, options));
  const document = JSON.stringify(openApiDocument(routes, version));
  app.get("/openapi.json", (c) => c.body(document, 200, { "content-type": "application/json; charset=utf-8" }));
  addDocsPage(app);
  addMethodErrors(app);
  app.notFound((c) => {
    const message = `There is nothing at ${c.req.method} ${shorten(c.req.path)}. GET /openapi.json lists all routes.`;
    return respond(c, errorAnswer(new AppError("route_not_found", message)));
  });
  const outages = new OutageLog(services.logger, () => performance.now());
  app.onError((error, c) => {
    const answer = errorAnswer(error);
    if (answer.status === 503 && error instanceof AppError) outages.refused(error);
    if (answer.status === 500)
      services.logger.error({ err: error, request_id: c.get("requestId"), path: c.req.path }, "request failed");
    return respond(c, anthropicCalls.has(c) ? inAnthropicForm(answer, c.get("requestId")) : answer);
  });
  return app;
}
