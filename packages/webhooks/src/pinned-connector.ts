import { isIP, type LookupFunction, Socket } from "node:net";
import { buildConnector } from "undici";
import { type AddressGuard, AddressRefused } from "./address-guard.ts";
import type { Resolve } from "./resolve.ts";
import { literalAddress, portOf } from "./url-check.ts";

export interface PinnedConnectorOptions {
  readonly guard: AddressGuard;
  readonly resolve: Resolve;
  /** For a connection to be there, in milliseconds. */
  readonly timeoutMs: number;
  /** Gets every socket for as long as it lives, those that are still connecting included: undici does not know these. */
  readonly sockets: Set<Socket>;
}

/**
 * Opens the sockets to one origin. A name is resolved once per socket, all its addresses are checked, and the socket gets the
 * checked ones: no second answer of DNS can come between the check and the connection.
 */
export function pinnedConnector(origin: URL, options: PinnedConnectorOptions): buildConnector.connector {
  const { guard, resolve, timeoutMs, sockets } = options;
  const port = portOf(origin);
  const check = (address: string): void => {
    const reason = guard.refusal(address, port);
    if (reason !== null) throw new AddressRefused(`The host has ${reason}.`);
  };
  const addressesOf = async (hostname: string) => {
    const addresses = await resolve(hostname);
    for (const address of addresses) check(address);
    const [first, ...rest] = addresses.map((address) => ({ address, family: isIP(address) }));
    if (first === undefined) throw Object.assign(new Error("The name has no address."), { code: "ENOTFOUND" });
    return [first, ...rest] as const;
  };
  const lookup: LookupFunction = (hostname, { all }, callback) => {
    addressesOf(hostname).then(
      (addresses) => (all ? callback(null, [...addresses]) : callback(null, addresses[0].address, addresses[0].family)),
      (error: NodeJS.ErrnoException) => callback(error, ""),
    );
  };
  const connect = buildConnector({ lookup, timeout: timeoutMs, allowH2: false });
  const literal = literalAddress(origin);
  return (target, callback) => {
    try {
      // Node asks no lookup for a literal address.
      if (literal !== null) check(literal);
    } catch (error) {
      callback(error as AddressRefused, null);
      return;
    }
    // Typed as void; a socket in fact.
    const socket: unknown = connect(target, callback);
    if (!(socket instanceof Socket)) return;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  };
}
