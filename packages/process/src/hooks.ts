import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type AnsweredJob,
  AppError,
  type HookContext,
  type Hooks,
  type JobRequest,
  jobRequestSchema,
  type OutputParts,
  outputPartsSchema,
  type Submission,
} from "@llamero/core";
import { z } from "zod";
import type { Logger } from "./logger.ts";
import type { Settings } from "./settings.ts";

const hooksSchema = z.strictObject({
  beforeAccept: z
    .custom<NonNullable<Hooks["beforeAccept"]>>((value) => typeof value === "function", "must be a function")
    .optional(),
  afterFinish: z
    .custom<NonNullable<Hooks["afterFinish"]>>((value) => typeof value === "function", "must be a function")
    .optional(),
});

/** Thrown by `refuse`, so that it is told from what goes wrong in a hook. */
class Refusal extends Error {}

/** The hooks of a deployment, with what may go wrong in them told apart. */
export interface LoadedHooks {
  /** @throws AppError `refused_by_hook`, `hook_failed` */
  beforeAccept(submission: Submission): Promise<JobRequest>;
  /** Null: there is none, and texts may go out as they are made. Rejects as `beforeAccept` does. */
  afterFinish: ((answered: AnsweredJob) => Promise<OutputParts>) | null;
}

export const noHooks: LoadedHooks = { beforeAccept: async ({ request }) => request, afterFinish: null };

type HookSettings = Pick<Settings<"api">, "LLAMERO_HOOKS" | "LLAMERO_HOOK_SECONDS">;

/**
 * Loads the module that the settings name, whose default export is `Hooks`.
 * @throws AppError `config_invalid` for a module that cannot be loaded, or exports something else
 */
export async function loadHooks(
  { LLAMERO_HOOKS: path, LLAMERO_HOOK_SECONDS: seconds }: HookSettings,
  logger: Pick<Logger, "error">,
): Promise<LoadedHooks> {
  if (path === undefined) return noHooks;
  const timeoutMs = Math.round(seconds * 1_000);
  const hooks = await importHooks(path);
  const { beforeAccept, afterFinish } = hooks;
  const run = runner(timeoutMs, logger);
  return {
    beforeAccept: async (submission) => {
      if (beforeAccept === undefined) return submission.request;
      const given = await run("beforeAccept", (context) => beforeAccept.call(hooks, submission, context), jobRequestSchema);
      return given ?? submission.request;
    },
    afterFinish:
      afterFinish === undefined
        ? null
        : async (answered) => {
            const given = await run("afterFinish", (context) => afterFinish.call(hooks, answered, context), outputPartsSchema);
            return given ?? answered.output;
          },
  };
}

async function importHooks(path: string): Promise<Hooks> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new AppError("config_invalid", `LLAMERO_HOOKS=${path}: ${why}. See docs/hooks.md.`, { cause });
  };
  const module = (await import(pathToFileURL(resolve(path)).href).catch((error: unknown) =>
    refuse(`the module cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, error),
  )) as { default?: unknown };
  if (module.default === undefined) refuse("the module has no default export");
  const parsed = hooksSchema.safeParse(module.default);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    refuse(`its default export is no object with beforeAccept and afterFinish: ${issue?.message}`);
  }
  return module.default as Hooks;
}

/** Runs a hook for as long as it may take, and checks what it gives. */
function runner(timeoutMs: number, logger: Pick<Logger, "error">) {
  return async <Value>(
    name: keyof Hooks,
    hook: (context: HookContext) => unknown,
    schema: z.ZodType<Value>,
  ): Promise<Value | undefined> => {
    const failed = (cause: unknown): AppError => {
      logger.error({ err: cause, hook: name }, "a hook failed");
      return new AppError(
        "hook_failed",
        `The hook ${name} of this deployment failed. Its operator finds the reason in the log.`,
        { cause },
      );
    };
    const signal = AbortSignal.timeout(timeoutMs);
    const refuse = (message: string): never => {
      throw new Refusal(message);
    };
    const late = Promise.withResolvers<never>();
    const onLate = () => late.reject(new Error(`it took longer than ${timeoutMs} ms`));
    signal.addEventListener("abort", onLate, { once: true });
    try {
      const given = await Promise.race([(async () => hook({ refuse, signal }))(), late.promise]);
      if (given === undefined) return undefined;
      return schema.parse(given);
    } catch (error) {
      if (error instanceof Refusal) throw new AppError("refused_by_hook", error.message);
      throw failed(error);
    } finally {
      signal.removeEventListener("abort", onLate);
    }
  };
}
