import { AppError } from "@llamero/core";
import { type NodeAddress, readAddresses } from "../node-address.ts";

const REDIS_PORT = 6_379;
const FORM = /^cluster(s?):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/@]+)\/?$/;

/** How to reach the nodes of a cluster. */
export interface ClusterAddress {
  /** Those that are named; they tell of the others. */
  nodes: NodeAddress[];
  isTls: boolean;
  username?: string;
  password?: string;
}

/**
 * Reads `cluster://user:password@host:6379,host2:6379`, or `clusters://` for TLS. User and password are every node's, and may be left
 * out, as may ports.
 * @throws AppError `config_invalid`, without what the URL holds
 */
export function clusterAddress(url: string): ClusterAddress {
  const [, tls, username, password, hosts = ""] = FORM.exec(url) ?? [];
  const nodes = readAddresses(hosts, REDIS_PORT);
  if (nodes === null) {
    const text = "REDIS_URL names no Redis Cluster that can be read: it must be cluster://user:password@host:6379,host2:6379.";
    throw new AppError("config_invalid", text);
  }
  return {
    nodes,
    isTls: tls === "s",
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
  };
}
