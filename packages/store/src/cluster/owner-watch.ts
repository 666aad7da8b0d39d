import type { Socket } from "node:net";
import type { Redis } from "ioredis";
import type { NodeAddress } from "../node-address.ts";
import type { ClusterNode, ClusterNodes } from "./cluster-nodes.ts";

/** While a connection is silent, another node is asked so often whether the slot is where it was, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * Breaks a connection off when another node has taken its place: one that hangs, or whose machine is gone, closes nothing, and one
 * that waits for news asks for nothing that could be refused.
 */
export class OwnerWatch {
  readonly #nodes: ClusterNodes;
  readonly #owner: ClusterNode;
  readonly #stream: Socket;
  #asked: { client: Redis; node: NodeAddress } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #bytesRead = 0;
  #isClosed = false;

  /** Runs until the stream is closed. @param owner who is at the other end */
  constructor(nodes: ClusterNodes, owner: ClusterNode, stream: Socket) {
    this.#nodes = nodes;
    this.#owner = owner;
    this.#stream = stream;
    stream.once("close", () => this.#close());
    this.#lookLater();
  }

  #lookLater(): void {
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look().finally(() => this.#lookLater()), LOOK_MS);
  }

  async #look(): Promise<void> {
    const { bytesRead } = this.#stream;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      return;
    }
    this.#asked ??= this.#another();
    if (this.#asked === null) return;
    const { client, node } = this.#asked;
    try {
      const { owner } = await this.#nodes.ask(client, node);
      if (owner !== null && owner.id !== this.#owner.id)
        this.#stream.destroy(new Error(`${owner.host}:${owner.port} has the slot`));
    } catch {
      client.disconnect();
      this.#asked = null;
    }
  }

  #another(): { client: Redis; node: NodeAddress } | null {
    const { host, port } = this.#owner;
    const node = this.#nodes.known().find((known) => known.host !== host || known.port !== port);
    return node === undefined ? null : { client: this.#nodes.open(node), node };
  }

  #close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#asked?.client.disconnect();
  }
}
