import { requireUniqueNames } from "@llamero/core";
import { surveyModels } from "@llamero/engine";
import type { Env, ProcessContext, Settings } from "@llamero/process";
import { isRemoteSpec, openRemoteModel, parseRemoteSource } from "@llamero/remote";
import { engineOptions } from "./engine-options.ts";
import type { Engines } from "./engines.ts";
import type { StartEngine } from "./model-server.ts";
import type { ServedModel } from "./placed-model.ts";

/** A model that a worker serves, and how what runs it is started. */
export interface Startable {
  /** As `LLAMERO_MODELS` has it. */
  spec: string;
  served: ServedModel;
  start: StartEngine;
}

/** All that a worker serves. */
export interface Serving {
  models: Startable[];
  /** Bytes that the models on this machine share. */
  budgetBytes: number;
}

type Context = Pick<ProcessContext<Settings<"worker">>, "config" | "logger" | "signal">;

/** What a worker is to serve. */
export interface Wanted {
  specs: readonly string[];
  /** Bytes that its models hold now: each model is surveyed as one that has the memory for itself. */
  heldBytes: number;
}

/**
 * Finds out what models are, files and other servers', in their order, as `LLAMERO_MODELS` has them: the first is the default.
 * @throws AppError as `surveyModels`, and `config_invalid`
 */
export async function servedModels(
  context: Context,
  { specs, heldBytes }: Wanted,
  { engines, env }: { engines: Engines; env: Env },
): Promise<Serving> {
  const files = specs.filter((spec) => !isRemoteSpec(spec));
  const local = await localModels(context, engines, { specs: files, heldBytes });
  const models: Startable[] = [];
  for (const spec of specs) {
    const found = local.bySpec.get(spec) ?? [await remoteModel(context, spec, env)];
    models.push(...found.map((model) => ({ ...model, spec })));
  }
  requireUniqueNames(models.flatMap(({ served: { facts, variants } }) => [facts, ...variants].map(({ name }) => name)));
  return { models, budgetBytes: local.budgetBytes };
}

type Unnamed = Omit<Startable, "spec">;

interface LocalModels {
  bySpec: Map<string, Unnamed[]>;
  budgetBytes: number;
}

async function localModels(
  { config, logger, signal }: Context,
  engines: Engines,
  { specs, heldBytes }: Wanted,
): Promise<LocalModels> {
  if (specs.length === 0) return { bySpec: new Map(), budgetBytes: 0 };
  const { options, sources } = await engineOptions(config, specs, logger);
  const { gpu, budgetBytes, models } = await surveyModels({ ...options, heldBytes, signal });
  logger.info({ gpu, budget_bytes: budgetBytes, models: models.length }, "models surveyed");
  const started = models.map((model) => ({
    name: model.source.name,
    served: model,
    start: engines.starter(model, options, logger),
  }));
  const of = (names: readonly string[]) => started.filter(({ name }) => names.includes(name));
  return { bySpec: new Map(sources.map(({ spec, names }) => [spec, of(names)])), budgetBytes };
}

async function remoteModel({ logger }: Context, spec: string, env: Env): Promise<Unnamed> {
  const { facts, warning, start } = await openRemoteModel(parseRemoteSource(spec), env);
  if (warning !== null) logger.warn({ model: facts.name }, warning);
  return { served: { facts, variants: [], sizeBytes: 0 }, start: async () => start() };
}
