import {
  type Aliases,
  AppError,
  admit,
  type JobRequest,
  type ModelEntry,
  type ModelsHealth,
  type Route,
  type RouteTicket,
  routeOf,
} from "@llamero/core";
import { z } from "zod";
import { findModel } from "./catalogue.ts";

/** What a job's record keeps of the way that it takes; of a job that has named its model itself there is nothing to keep. */
export interface JobRoute {
  /** What the job has asked for. */
  alias: string;
  /** Slugs of the models that get it next, in this order. */
  fallback: readonly string[];
  /** For how long each may have it, in milliseconds; null: there is no limit. */
  timeoutMs: number | null;
  isDegraded: boolean;
}

/** The model that a job is for, and those behind it. */
export interface Routed {
  model: ModelEntry;
  fallback: readonly ModelEntry[];
  route: Route;
}

/** Finds the model that a job is to run on. @throws AppError as `findModel` */
export type FindModel = (name: string | undefined, ticket: RouteTicket) => Routed;

/** Finds models by their names, and by what stands for them. */
export function modelFinder(catalogue: readonly ModelEntry[], aliases: Aliases = {}, health?: ModelsHealth): FindModel {
  return (name, ticket) => {
    const asked = name ?? findModel(catalogue, undefined).name;
    const route = name === undefined ? { ...NO_ALIAS, model: asked } : routeOf(aliases, asked, ticket, health);
    const model = findModel(catalogue, route.model, route.alias ?? undefined);
    const fallback = route.fallback.flatMap((each) => catalogue.find((entry) => entry.name === each) ?? []);
    return { model, fallback, route };
  };
}

const NO_ALIAS = { alias: null, fallback: [], timeoutMs: null, isDegraded: false };

/**
 * Refuses what the job's model surely cannot do; of those behind it, the ones stay that can.
 * @param field where the caller wrote the text of a request to generate
 * @throws AppError as `admit`
 */
export function admitRouted(
  { model, fallback, route }: Routed,
  request: JobRequest,
  field: "prompt" | "messages",
): JobRoute | null {
  admit(request, model, field);
  const { alias, timeoutMs, isDegraded } = route;
  if (alias === null) return null;
  const able = fallback.filter((each) => isAble(each, request, field));
  return { alias, fallback: able.map(({ slug }) => slug), timeoutMs, isDegraded };
}

function isAble(model: ModelEntry, request: JobRequest, field: "prompt" | "messages"): boolean {
  try {
    admit(request, model, field);
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

const storedSchema = z.object({
  alias: z.string(),
  degraded: z.boolean(),
  /** Slugs of the models to come, with spaces between. */
  fallback: z.string(),
  timeout_ms: z.number().optional(),
  /** Those that had it before, as `slug:code`, with spaces between: lua/routes.lua adds them. */
  tried: z.string().optional(),
});

/** As the scripts take it: what is kept, whether there are other models, and for how long each may have the job. */
export function routeArgs(route: JobRoute | null | undefined): [string, 1 | "", number | ""] {
  if (!route) return ["", "", ""];
  const { alias, fallback, timeoutMs, isDegraded } = route;
  const timeout = timeoutMs === null ? {} : { timeout_ms: timeoutMs };
  const stored: z.infer<typeof storedSchema> = { alias, degraded: isDegraded, fallback: fallback.join(" "), ...timeout };
  return [JSON.stringify(stored), fallback.length === 0 ? "" : 1, timeoutMs ?? ""];
}

/** The way that a job has taken, as its record has it. */
export interface TakenRoute {
  alias: string;
  isDegraded: boolean;
  /** Models that had it before, and why they have it no more. */
  tried: { slug: string; code: string }[];
}

export function parseRoute(text: string): TakenRoute {
  const { alias, degraded, tried = "" } = storedSchema.parse(JSON.parse(text));
  const entries = tried === "" ? [] : tried.split(" ").map((entry) => entry.split(":"));
  return { alias, isDegraded: degraded, tried: entries.map(([slug = "", code = ""]) => ({ slug, code })) };
}
