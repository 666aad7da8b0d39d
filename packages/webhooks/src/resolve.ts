import { lookup } from "node:dns/promises";

/** Gives all addresses of a host name; rejects when there are none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** As the operating system resolves: `/etc/hosts` and search domains included. */
export const systemResolve: Resolve = async (hostname) => {
  const found = await lookup(hostname, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
};
