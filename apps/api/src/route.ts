import type { KeyScope } from "@llamero/core";
import type { Health, LoadedHooks, Logger, Metrics, Tracing } from "@llamero/process";
import type { Carriers, ScheduleTimers } from "@llamero/queue";
import type { Storage } from "@llamero/storage";
import type { Notifications, SettingsWatch, Store } from "@llamero/store";
import type { z } from "zod";
import type { Caller } from "./auth.ts";
import type { JobEvents } from "./job-events.ts";
import type { ModelLookup } from "./model-lookup.ts";
import type { RedisMemory } from "./redis-memory.ts";
import type { WebhookTargets } from "./webhook-targets.ts";

/** What handlers work with. */
export interface Services {
  store: Store;
  carriers: Pick<Carriers, "add">;
  timers: Pick<ScheduleTimers, "start" | "stop" | "ask">;
  notifications: Notifications;
  events: JobEvents;
  models: ModelLookup;
  webhookTargets: WebhookTargets;
  storage: Storage;
  /** Largest file taken, in bytes. */
  maxFileBytes: number;
  memory: Pick<RedisMemory, "requireRoom">;
  settings: Pick<SettingsWatch, "current">;
  hooks: Pick<LoadedHooks, "beforeAccept">;
  metrics: Metrics;
  health: Pick<Health, "readiness">;
  tracing: Tracing;
  logger: Logger;
  newJobId: () => string;
  newFileId: () => string;
  newBatchId: () => string;
  newScheduleId: () => string;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Longest that a call waits for the end of its jobs where it asks for their answer, in milliseconds. */
  answerMs: number;
}

/** A request after authentication and validation. */
export interface Call<Path, Query, Body> {
  path: Path;
  query: Query;
  body: Body;
  headers: Headers;
  /** What was asked for, with the host that its client has addressed. */
  url: string;
  /** The body as it arrives, where the route reads it so. */
  stream: ReadableStream<Uint8Array> | null;
  owner: string;
  /** What it was asked with; null without a stored key. */
  key: Caller["key"];
  /** Who asks, as the audit names him: the id of his key, or his name where he has shown none. */
  by: string;
  /** Aborts when the client is gone. */
  signal: AbortSignal;
}

export interface Answer {
  status: number;
  /** Sent as JSON, or as it comes when it is a stream; null: nothing is sent. */
  body: unknown;
  /** Sent as it is, in the place of the body. */
  text?: string;
  headers?: Record<string, string>;
  /** A client that takes nothing of a stream for this long is cut off, in milliseconds. */
  stallMs?: number;
}

type Shape = z.ZodObject | undefined;
type Out<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** A body that is read while it arrives, by the handler: this is how the document shows it. */
export interface Upload {
  schema: z.ZodObject;
  contentType: "multipart/form-data" | "application/json";
}

export interface RouteSpec<Path extends Shape, Query extends Shape, Body extends z.ZodType | undefined> {
  method: "get" | "post" | "delete";
  /** In OpenAPI's form: `/v1/jobs/{id}`. */
  path: string;
  operationId: string;
  summary: string;
  description?: string;
  tag: "jobs" | "webhooks" | "models" | "openai" | "anthropic" | "schedules" | "workers" | "admin" | "service";
  /** Answered without a key, in every mode. */
  isPublic?: boolean;
  /** What a key must allow. Default: `read` to get, `submit` for everything else. */
  scope?: KeyScope;
  request?: { path?: Path; query?: Query; headers?: z.ZodObject; body?: Body; upload?: Upload };
  /** Whose form errors have. Default: OpenAI's. */
  dialect?: "anthropic";
  /** Success statuses; without a schema the answer has no body, and JSON is the default type. */
  responses: Record<number, { description: string; schema?: z.ZodType; contentType?: string; headers?: z.ZodObject }>;
  /** Error statuses besides those that follow from access and body. */
  errors?: readonly (404 | 408 | 409 | 429 | 503)[];
  handle: (call: Call<Out<Path>, Out<Query>, Out<Body>>, services: Services) => Promise<Answer>;
}

/** A route as the app and the OpenAPI document see it. */
export type Route = Omit<RouteSpec<Shape, Shape, z.ZodType | undefined>, "handle"> & {
  handle: (call: Call<unknown, unknown, unknown>, services: Services) => Promise<Answer>;
};

export function scopeOf({ scope, method }: Pick<Route, "scope" | "method">): KeyScope {
  return scope ?? (method === "get" ? "read" : "submit");
}

/** Whether callers who may see every owner's things can name the owner in the query. */
export function isReadOfOwner(route: Route): boolean {
  return route.isPublic !== true && scopeOf(route) === "read";
}

/** Declares a route: its schemas validate the request, type the handler and make its part of the OpenAPI document. */
export function route<Path extends Shape, Query extends Shape, Body extends z.ZodType | undefined>(
  spec: RouteSpec<Path, Query, Body>,
): Route {
  // The app validates by the same schemas before it calls, so the handler gets what its types say.
  return spec as unknown as Route;
}
