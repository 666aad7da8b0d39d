import { createConnection, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AbstractConnector, type RedisOptions } from "ioredis";
import { ClusterNodes } from "./cluster-nodes.ts";
import { clusterAddress } from "./cluster-url.ts";
import { OwnerWatch } from "./owner-watch.ts";

/** A connection that is ended and does not close is closed after so long, in milliseconds; ioredis's own default. */
const DISCONNECT_MS = 2_000;

/** Connects to whichever node has the slot, and asks again each time. */
class ClusterConnector extends AbstractConnector {
  readonly #nodes: ClusterNodes;

  constructor(nodes: ClusterNodes) {
    super(DISCONNECT_MS);
    this.#nodes = nodes;
  }

  async connect(): Promise<Socket> {
    this.connecting = true;
    const stream = await this.#open().catch((error: Error) => {
      this.firstError = error;
      // A client whose connector rejects ends for good; one whose connection is closed tries again.
      return new Socket().destroy();
    });
    if (!this.connecting) {
      stream.destroy();
      throw new Error("Connection is closed.");
    }
    this.stream = stream;
    return stream;
  }

  async #open(): Promise<Socket> {
    const owner = await this.#nodes.owner();
    const { host, port } = owner;
    const stream = this.#nodes.address.isTls ? connectTls({ host, port }) : createConnection({ host, port });
    stream.once("error", (error) => {
      this.firstError = error;
    });
    new OwnerWatch(this.#nodes, owner, stream);
    return stream;
  }
}

/**
 * Options of a client for the one node of a Redis Cluster that has the slot.
 * @param url `cluster://…` or `clusters://…`
 * @throws AppError `config_invalid`
 */
export function clusterOptions(url: string, slot: number): Pick<RedisOptions, "Connector" | "username" | "password" | "tls"> {
  const address = clusterAddress(url);
  const nodes = new ClusterNodes(address, slot);
  const { isTls, username, password } = address;
  return {
    Connector: class extends ClusterConnector {
      constructor() {
        super(nodes);
      }
    },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
  };
}
