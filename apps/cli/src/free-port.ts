import { createServer } from "node:net";
import { AppError } from "@llamero/core";

/** How many ports after the taken one are tried before the message names one. */
const alternatives = 20;

/**
 * Checks that the API will be able to listen, before anything is started.
 *
 * @param setting the variable that names the port. Default: `PORT`.
 * @throws AppError `port_in_use`, naming a port that is free, or `config_invalid` when the address itself cannot be used.
 */
export async function requireFreePort(host: string, port: number, setting = "PORT"): Promise<void> {
  const problem = await tryListening(host, port);
  if (problem === null) return;
  if (problem === "EADDRINUSE") {
    const free = await nextFree(host, port);
    throw new AppError("port_in_use", `Port ${port} on ${host} is taken. Choose another: ${setting}=${free} npm start`);
  }
  if (problem === "EACCES") {
    throw new AppError("config_invalid", `Port ${port} is for root alone. Choose one above 1023 for ${setting}.`);
  }
  throw new AppError("config_invalid", `This machine cannot listen on HOST=${host} (${problem}). Choose another: HOST=127.0.0.1`);
}

async function nextFree(host: string, port: number): Promise<number> {
  for (let candidate = port + 1; candidate <= Math.min(port + alternatives, 65_535); candidate += 1) {
    if ((await tryListening(host, candidate)) === null) return candidate;
  }
  return 0;
}

/** The error code of listening there; null when it works. */
function tryListening(host: string, port: number): Promise<string | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}
