import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { requireFreePort } from "./free-port.ts";

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, "close");
  }
});

async function takePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

test("names a free port when the one asked for is taken", async () => {
  const port = await takePort();
  await expect(requireFreePort("127.0.0.1", port)).rejects.toMatchObject({
    code: "port_in_use",
    message: expect.stringMatching(new RegExp(`^Port ${port} on 127.0.0.1 is taken. Choose another: PORT=\\d+ npm start$`)),
  });
});

test("names the variable of the port that is taken", async () => {
  const port = await takePort();
  const message = expect.stringMatching(/Choose another: LLAMERO_GRPC_PORT=\d+ npm start$/);
  await expect(requireFreePort("127.0.0.1", port, "LLAMERO_GRPC_PORT")).rejects.toMatchObject({ message });
});

test("leaves a free port free", async () => {
  const port = await takePort();
  servers.splice(0)[0]?.close();
  await requireFreePort("127.0.0.1", port);
  await requireFreePort("127.0.0.1", port);
});

test("names the address that this machine does not have", async () => {
  await expect(requireFreePort("192.0.2.1", 3000)).rejects.toMatchObject({
    code: "config_invalid",
    message: expect.stringContaining("HOST=192.0.2.1"),
  });
});
