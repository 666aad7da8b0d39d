import { answering } from "@llamero/testkit";
import type { Harness } from "./harness.ts";
import type { Provocations, Request } from "./provocations.ts";

/** Requests that make each status of the routes in Anthropic's form come about. */
export function anthropicProvocations(
  api: Harness,
  withBody: (path: string, body?: object, headers?: Record<string, string>) => Request,
): Provocations {
  const params = { model: "tiny", max_tokens: 4, messages: [{ role: "user", content: "a" }] };
  const message = (over: object = {}, headers = {}) => withBody("/v1/messages", { ...params, ...over }, headers);
  const batch = (over: object = {}, headers = {}) =>
    withBody("/v1/messages/batches", { requests: [{ custom_id: "a", params: { ...params, ...over } }] }, headers);
  async function made(): Promise<string> {
    const request = batch();
    return `/v1/messages/batches/${((await (await api.request(request.path, request)).json()) as { id: string }).id}`;
  }
  async function ended(): Promise<string> {
    const path = await made();
    const held = api.store.batches.held;
    const [claim] = await held.claim(10);
    if (claim === undefined) throw new Error("nothing to claim");
    await held.end(claim, "failed");
    return path;
  }
  const none = `/v1/messages/batches/msgbatch_${"0".repeat(26)}`;
  return {
    createMessage: {
      200: () => {
        api.worker.script = answering;
        return message();
      },
      404: () => message({ model: "none" }),
      408: () => message(),
      409: async () => {
        api.worker.script = answering;
        const first = message({}, { "idempotency-key": "k" });
        await api.request(first.path, first);
        return message({ max_tokens: 5 }, { "idempotency-key": "k" });
      },
      413: () => message({}, { "content-length": "20000000" }),
      415: () => message({}, { "content-type": "text/plain" }),
      429: () => api.fill().then(() => message()),
    },
    createMessageBatch: {
      200: () => batch(),
      404: () => batch({ model: "none" }),
      409: async () => {
        const first = batch({}, { "idempotency-key": "k" });
        await api.request(first.path, first);
        return batch({ max_tokens: 5 }, { "idempotency-key": "k" });
      },
      413: () => batch({}, { "content-length": "20000000" }),
      415: () => batch({}, { "content-type": "text/plain" }),
    },
    listMessageBatches: {
      200: async () => {
        await made();
        return { method: "GET", path: "/v1/messages/batches" };
      },
    },
    getMessageBatch: {
      200: async () => ({ method: "GET", path: await made() }),
      404: () => ({ method: "GET", path: none }),
    },
    getMessageBatchResults: {
      200: async () => {
        const path = await made();
        await api.store.batches.cancel({ id: path.replace(/.*msgbatch_/, "batch_"), owner: "local" });
        const held = api.store.batches.held;
        const [claim] = await held.claim(10);
        if (claim === undefined) throw new Error("nothing to claim");
        const part = { fileId: `file_${"0".repeat(26)}`, bytes: 2 };
        const none = { fileId: `file_${"1".repeat(26)}`, bytes: 0 };
        await api.writeObject(`batches/${claim.id}/0.${claim.fence}.output.jsonl`, "{}");
        const counts = {
          failed: 0,
          unanswered: { cancelled: 0, expired: 0 },
          usage: { inputTokens: 0, cachedTokens: 0, outputTokens: 0 },
        };
        await held.closeSegment(claim, { segment: 0, ...counts, parts: { output: part, error: none } });
        return { method: "GET", path: `${path}/results` };
      },
      404: () => ({ method: "GET", path: `${none}/results` }),
    },
    cancelMessageBatch: {
      200: async () => ({ method: "POST", path: `${await made()}/cancel` }),
      404: () => ({ method: "POST", path: `${none}/cancel` }),
    },
    deleteMessageBatch: {
      200: async () => ({ method: "DELETE", path: await ended() }),
      404: () => ({ method: "DELETE", path: none }),
      409: async () => ({ method: "DELETE", path: await made() }),
    },
  };
}
