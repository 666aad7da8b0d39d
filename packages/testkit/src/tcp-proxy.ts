import { once } from "node:events";
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from "node:net";

interface Pair {
  client: Socket;
  upstream: Socket;
  /** Nothing passes any more, for good, and neither side is told. */
  isStranded: boolean;
}

/** `replies`: what clients say still arrives. */
export type FrozenWays = "none" | "replies" | "both";

function upstreamOptions(target: string): NetConnectOpts {
  const { protocol, pathname, hostname, port } = new URL(target);
  return protocol === "unix:" ? { path: pathname } : { host: hostname, port: Number(port) };
}

/** A port on loopback that leads to a server, for as long as a test lets it. */
export class TcpProxy {
  readonly #target: NetConnectOpts;
  readonly #pairs = new Set<Pair>();
  #server: Server | null = null;
  #port = 0;
  #frozen: FrozenWays = "none";

  private constructor(target: string) {
    this.#target = upstreamOptions(target);
  }

  /** @param target `unix:///path`, or any URL with host and port */
  static async start(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that it holds. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Ends all connections and refuses new ones. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const pair of this.#pairs) this.#end(pair, "destroy");
    if (server === null) return;
    const closed = once(server, "close");
    server.close();
    await closed;
  }

  /** Lets nothing pass, or no replies; connections stay, and new ones are taken. */
  freeze(ways: Exclude<FrozenWays, "none"> = "both"): void {
    this.#frozen = ways;
    for (const pair of this.#pairs) this.#setFlow(pair);
  }

  /** Breaks all connections off by a reset, as a server does that has lost them; new ones are taken. */
  reset(): void {
    for (const pair of this.#pairs) this.#end(pair, "resetAndDestroy");
  }

  /** The connections that there are pass nothing any more, as after a router forgot them; new ones work. */
  strand(): void {
    for (const pair of this.#pairs) {
      pair.isStranded = true;
      this.#setFlow(pair);
    }
  }

  /** Lets everything pass again, what was held back first; takes connections at the same port as before. */
  async mend(): Promise<void> {
    this.#frozen = "none";
    for (const pair of this.#pairs) this.#setFlow(pair);
    if (this.#server === null) await this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#open(client));
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  #open(client: Socket): void {
    const upstream = connect({ ...this.#target, allowHalfOpen: true });
    const pair = { client, upstream, isStranded: false };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on("data", (data) => {
        if (!to.write(data)) from.pause();
      });
      to.on("drain", () => this.#setFlow(pair));
      from.on("end", () => to.end());
      // The other side is told by the end of its own connection.
      from.on("error", () => this.#end(pair, "destroy"));
      from.on("close", () => this.#closed(pair));
    }
    this.#setFlow(pair);
  }

  #setFlow({ client, upstream, isStranded }: Pair): void {
    const holdsAll = isStranded || this.#frozen === "both";
    if (holdsAll) client.pause();
    else client.resume();
    if (holdsAll || this.#frozen === "replies") upstream.pause();
    else upstream.resume();
  }

  #closed(pair: Pair): void {
    if (pair.client.destroyed && pair.upstream.destroyed) this.#pairs.delete(pair);
    else if (pair.client.destroyed) pair.upstream.destroySoon();
    else pair.client.destroySoon();
  }

  #end({ client, upstream }: Pair, how: "destroy" | "resetAndDestroy"): void {
    // A socket that is not connected yet, or a Unix one, has nothing to reset.
    client[how]();
    upstream.destroy();
  }
}
