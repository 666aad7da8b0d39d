import { MESSAGES_PATH, messageCall } from "@llamero/anthropic";
import type { BatchCall } from "@llamero/core";
import { batchEndpoints } from "@llamero/openai";

/** Path → what lines of batches ask for: of OpenAI's batches, and of Anthropic's. */
const calls: Readonly<Record<string, BatchCall>> = { ...batchEndpoints, [MESSAGES_PATH]: messageCall };

/** What the lines of a batch with that endpoint ask for; there is no batch with any other. */
export function batchCallAt(endpoint: string): BatchCall {
  const call = calls[endpoint];
  if (call === undefined) throw new Error(`no batch is for ${endpoint}`);
  return call;
}
