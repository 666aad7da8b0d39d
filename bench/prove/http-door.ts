import { Agent, request } from "node:http";
import { type LlameroProcess, startLlamero, tinyEntry } from "@llamero/testkit";
import { type Door, promptSource, type Reference } from "./store-door.ts";

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
  await behind.store.announceModel(tinyEntry);
  const api: LlameroProcess = await startLlamero("api", {
    REDIS_URL: behind.server.url,
    PORT: "0",
    LOG_LEVEL: "warn",
    LLAMERO_MAX_WAITING: "10000000",
  });
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
