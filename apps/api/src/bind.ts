import { once } from "node:events";
import type { Server } from "node:net";
import { AppError } from "@llamero/core";

export interface BindOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** The variable that names the port, for the error. */
  setting: "PORT" | "LLAMERO_GRPC_PORT";
}

/**
 * Binds a server to its address, and gives its URL.
 * @throws AppError `port_in_use`, `config_invalid` for an address that is not this machine's
 */
export async function bind(server: Server, { host, port, setting }: BindOptions): Promise<string> {
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "EADDRINUSE")
      throw new AppError("port_in_use", `Port ${port} on ${host} is in use. Choose another: ${setting}=${port + 1}.`, { cause });
    if (code === "EACCES")
      throw new AppError("port_in_use", `Port ${port} needs privileges this user lacks. Choose one above 1023.`, { cause });
    throw new AppError("config_invalid", `HOST=${host} is not an address of this machine (${code}).`, { cause });
  }
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return `http://${host.includes(":") ? `[${host}]` : host}:${bound}`;
}
