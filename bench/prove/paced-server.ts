import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";

const requestSchema = z.object({ prompt: z.string(), max_tokens: z.int() });

/**
 * An OpenAI-compatible server whose tokens come at a pace of their own, however many are asked for: so workers in front of it are as many
 * times as fast as they are many, which they are not on the cores of one machine.
 */
export class PacedServer {
  readonly #server: Server;
  readonly #tokenMs: number;

  private constructor(tokenMs: number) {
    this.#tokenMs = tokenMs;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(tokenMs: number): Promise<PacedServer> {
    const paced = new PacedServer(tokenMs);
    paced.#server.listen(0, "127.0.0.1");
    await once(paced.#server, "listening");
    return paced;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET") return void response.end(JSON.stringify({ data: [{ id: "paced" }] }));
    const { prompt, max_tokens } = requestSchema.parse(await json(request));
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (event: object) => response.write(`data: ${JSON.stringify(event)}\n\n`);
    for (let token = 1; token <= max_tokens && !response.destroyed; token++) {
      await pause(this.#tokenMs);
      send({ choices: [{ index: 0, text: " a", finish_reason: token === max_tokens ? "length" : null }] });
    }
    const prompt_tokens = Math.ceil(prompt.length / 4);
    send({ choices: [], usage: { prompt_tokens, completion_tokens: max_tokens, total_tokens: prompt_tokens + max_tokens } });
    response.end("data: [DONE]\n\n");
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
