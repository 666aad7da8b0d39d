import { Agent, request } from "node:http";
import { type LlameroProcess, startLlamero } from "@llamero/testkit";
import { type Door, MODEL, promptSource, type Reference } from "./store-door.ts";

/** Posts a body and gives the parsed answer, over a connection that is kept. */
function post(agent: Agent, url: URL, body: string): Promise<{ id: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => {
        if (response.statusCode === 202) resolve(JSON.parse(text) as { id: string });
        else reject(new Error(`POST /v1/jobs answered ${response.statusCode}: ${text}`));
      });
    });
    sent.on("error", reject).end(body);
  });
}

/** The whole door in front of the Redis of another: an API process of its own, reached over HTTP. */
export async function openHttpDoor(behind: Door, seed: number): Promise<Door> {
  await behind.store.announceModel({
    name: MODEL,
    context_length: 1_024,
    capabilities: ["chat", "completion", "embedding"],
    embedding_length: 192,
    max_token_bytes: 16,
    parameters: 2_400_000,
    size_bytes: 2_500_000,
    architecture: "llama",
    quantization: "Q8_0",
    digest: "0".repeat(64),
    is_default: true,
    registered_at_ms: Date.now(),
  });
  const api: LlameroProcess = await startLlamero("api", { REDIS_URL: behind.server.url, PORT: "0", LOG_LEVEL: "warn" });
  const url = new URL("/v1/jobs", api.ready.url);
  const agent = new Agent({ keepAlive: true });
  const prompt = promptSource(seed);
  return {
    ...behind,
    submit: async (): Promise<Reference> => {
      const { id } = await post(agent, url, JSON.stringify({ prompt: prompt() }));
      return { id, owner: "local" };
    },
    close: async () => {
      agent.destroy();
      await api.stop();
    },
  };
}
