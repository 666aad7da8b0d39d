import { Agent, request } from "node:http";

const agent = new Agent({ keepAlive: true });

export interface Answer {
  status: number;
  text: string;
}

export interface Call {
  method?: "GET" | "POST";
  /** JSON. */
  body?: string;
  headers?: Record<string, string>;
}

/**
 * One HTTP call, with as little of the machine as a client can take, since what is measured shares it: with `fetch`, clients took
 * 2 % of a core from decoding threads at six jobs a second.
 */
export async function send(url: string, call: Call = {}): Promise<Answer> {
  for (;;) {
    try {
      return await exchange(url, call);
    } catch (error) {
      // The server had closed the connection, which had been idle, while the call was on its way; there are so many of them, and no more.
      if (!(error instanceof IdleConnectionClosed)) throw error;
    }
  }
}

class IdleConnectionClosed extends Error {}

function exchange(url: string, { method = "GET", body = "", headers = {} }: Call): Promise<Answer> {
  const type = body === "" ? {} : { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, headers: { ...type, ...headers } }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
      response.on("error", reject);
    });
    sent.on("error", (error: NodeJS.ErrnoException) => {
      const isClosed = sent.reusedSocket && error.code === "ECONNRESET";
      reject(isClosed ? new IdleConnectionClosed("closed while idle", { cause: error }) : error);
    });
    sent.end(body);
  });
}
