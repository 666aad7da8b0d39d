import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TcpProxy } from "../src/index.ts";

/** A server that says back what it is told, and keeps what it has heard. */
let server: Server;
let heard: string;
let proxy: TcpProxy;
const sockets: Socket[] = [];

beforeEach(async () => {
  heard = "";
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      heard += data;
      socket.write(data);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await TcpProxy.start(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy[Symbol.asyncDispose]();
  const closed = once(server, "close");
  server.close();
  await closed;
});

async function client(): Promise<Socket> {
  const socket = connect(proxy.port, "127.0.0.1");
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

async function said(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  return String((await once(socket, "data"))[0]);
}

/** How a connection ended: an error's code, or null for an orderly end. */
function ending(socket: Socket): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
  socket.once("close", () => resolve(null));
  socket.resume();
  return promise;
}

test("passes both ways, and the end too", async () => {
  const socket = await client();
  expect(await said(socket, "hello")).toBe("hello");
  socket.end();
  expect(await ending(socket)).toBeNull();
});

test("a cut ends connections and refuses new ones until it is mended, at the same port", async () => {
  const socket = await client();
  await said(socket, "a");
  const ended = ending(socket);
  await proxy.cut();
  await ended;
  await expect(client()).rejects.toThrow("ECONNREFUSED");
  await proxy.mend();
  expect(await said(await client(), "b")).toBe("b");
  expect(heard).toBe("ab");
});

test("a reset is one for the client, and the next connection works", async () => {
  const socket = await client();
  await said(socket, "a");
  const ended = ending(socket);
  proxy.reset();
  expect(await ended).toBe("ECONNRESET");
  expect(await said(await client(), "b")).toBe("b");
});

test("what is said into a frozen link arrives when it is mended", async () => {
  const socket = await client();
  await said(socket, "a");
  proxy.freeze();
  socket.write("b");
  const other = await client();
  other.write("c");
  expect(heard).toBe("a");
  const answers = Promise.all([once(socket, "data"), once(other, "data")]);
  await proxy.mend();
  expect((await answers).map(([data]) => String(data))).toEqual(["b", "c"]);
});

test("with its replies frozen, a link lets requests through, whose answers a reset loses", async () => {
  const socket = await client();
  await said(socket, "a");
  proxy.freeze("replies");
  socket.write("b");
  const [serving] = sockets.filter((each) => each !== socket);
  if (serving !== undefined && heard !== "ab") await once(serving, "data");
  expect(heard).toBe("ab");
  const ended = ending(socket);
  proxy.reset();
  expect(await ended).toBe("ECONNRESET");
});

test("stranded connections stay silent for good while new ones work", async () => {
  const socket = await client();
  await said(socket, "a");
  proxy.strand();
  socket.write("b");
  expect(await said(await client(), "c")).toBe("c");
  await proxy.mend();
  expect(await said(await client(), "d")).toBe("d");
  expect(heard).toBe("acd");
  expect(socket.destroyed).toBe(false);
});
