import { createHash } from "node:crypto";
import type { LoadedModel, Runtime } from "@llamero/core";
import { z } from "zod";
import { toBackendError } from "./backend-error.ts";
import { connect } from "./connect.ts";
import { RemoteRuntime } from "./remote-runtime.ts";
import type { RemoteSource } from "./remote-source.ts";

/** For so long a server is asked what it has, at the start, in milliseconds. */
const ASK_MS = 5_000;
/** Where neither the server nor the operator says: it refuses itself what is too long. */
const UNKNOWN_CONTEXT = 1_000_000;

/** vLLM tells `max_model_len`, llama-server `meta.n_ctx_train`, this project `context_length`; others tell nothing. */
const listSchema = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      max_model_len: z.number().int().positive().nullish(),
      context_length: z.number().int().positive().nullish(),
      meta: z.object({ n_ctx_train: z.number().int().positive().nullish() }).nullish(),
    }),
  ),
});

/** A model that another server runs. */
export interface RemoteModel {
  facts: LoadedModel;
  /** Why the server could not be asked what it has; null when it could. It may come later. */
  warning: string | null;
  /** Opens connections: nothing is sent before there is a task. */
  start(): Runtime;
}

/**
 * Asks the server what the model is, as far as it says.
 * @throws AppError `config_invalid` when the variable with its key is not set
 */
export async function openRemoteModel(
  source: RemoteSource,
  env: Readonly<Record<string, string | undefined>>,
): Promise<RemoteModel> {
  const { contextLength, warning } = await ask(source, env);
  const facts: LoadedModel = {
    name: source.name,
    base: null,
    context_length: source.contextLength ?? contextLength ?? UNKNOWN_CONTEXT,
    capabilities: source.capabilities,
    backend: new URL(source.url).host,
    embedding_length: null,
    max_token_bytes: null,
    parameters: null,
    size_bytes: 0,
    architecture: null,
    quantization: null,
    digest: createHash("sha256").update(`${source.url} ${source.model}`).digest("hex"),
    slots: source.slots,
  };
  return { facts, warning, start: () => new RemoteRuntime({ source, facts, connection: connect(source, env) }) };
}

async function ask(source: RemoteSource, env: Readonly<Record<string, string | undefined>>) {
  const { client, close } = connect(source, env);
  try {
    const answer = await client.get<unknown>("/models", { signal: AbortSignal.timeout(ASK_MS) });
    const listed = listSchema.safeParse(answer).data?.data ?? [];
    const found = listed.find(({ id }) => id === source.model);
    const names = listed
      .map(({ id }) => id)
      .slice(0, 10)
      .join(", ");
    const isMissing = listed.length > 0 && found === undefined;
    return {
      contextLength: found?.max_model_len ?? found?.context_length ?? found?.meta?.n_ctx_train ?? null,
      warning: isMissing ? `The server of ${source.name} lists no model "${source.model}". It has ${names}.` : null,
    };
  } catch (error) {
    return { contextLength: null, warning: toBackendError(error, source).message };
  } finally {
    await close();
  }
}
