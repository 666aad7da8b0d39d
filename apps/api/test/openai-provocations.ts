import { answering } from "@llamero/testkit";
import type { Harness } from "./harness.ts";
import type { Provocations, Request } from "./provocations.ts";

/** Requests that make each status of the routes in OpenAI's form come about. */
export function openAiProvocations(
  api: Harness,
  withBody: (path: string, body?: object, headers?: Record<string, string>) => Request,
): Provocations {
  /** What is asked for an answer. */
  function door(path: string, body: object) {
    const ask = (over: object = {}, headers = {}) => withBody(path, { ...body, ...over }, headers);
    return {
      200: () => {
        api.worker.script = answering;
        return ask();
      },
      404: () => ask({ model: "none" }),
      408: () => ask(),
      409: async () => {
        api.worker.script = answering;
        await api.request(path, ask({}, { "idempotency-key": "k" }));
        return ask({ user: "u", metadata: { another: "body" } }, { "idempotency-key": "k" });
      },
      413: () => ask({}, { "content-length": "20000000" }),
      415: () => ask({}, { "content-type": "text/plain" }),
      429: () => api.fill().then(() => ask({}, {})),
    };
  }

  const noResponse = `/v1/responses/resp_${"0".repeat(26)}`;
  async function response(): Promise<string> {
    const made = withBody("/v1/responses", { input: "a", background: true });
    const { id } = (await (await api.request(made.path, made)).json()) as { id: string };
    return `/v1/responses/${id}`;
  }

  return {
    createChatCompletion: door("/v1/chat/completions", { messages: [{ role: "user", content: "a" }] }),
    createCompletion: door("/v1/completions", { prompt: "a" }),
    createEmbeddings: door("/v1/embeddings", { input: "a" }),
    createRerank: door("/v1/rerank", { query: "a", documents: ["b"] }),
    createResponse: door("/v1/responses", { input: "a" }),
    getResponse: {
      200: async () => ({ method: "GET", path: await response() }),
      404: () => ({ method: "GET", path: noResponse }),
    },
    cancelResponse: {
      200: async () => ({ method: "POST", path: `${await response()}/cancel` }),
      404: () => ({ method: "POST", path: `${noResponse}/cancel` }),
    },
    deleteResponse: {
      200: async () => ({ method: "DELETE", path: await response() }),
      404: () => ({ method: "DELETE", path: noResponse }),
    },
    listInputItems: {
      200: async () => ({ method: "GET", path: `${await response()}/input_items` }),
      404: () => ({ method: "GET", path: `${noResponse}/input_items` }),
    },
  };
}
