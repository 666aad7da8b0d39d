/** Where a server listens. */
export interface NodeAddress {
  host: string;
  port: number;
}

function readAddress(text: string, defaultPort: number): NodeAddress | null {
  if (!URL.canParse(`redis://${text}`)) return null;
  const { hostname, port } = new URL(`redis://${text}`);
  return hostname === "" ? null : { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || defaultPort) };
}

/** Reads `host:port,host2,[2001:db8::1]:port`; null when one of them cannot be read. */
export function readAddresses(text: string, defaultPort: number): NodeAddress[] | null {
  const addresses = text.split(",").map((one) => readAddress(one, defaultPort));
  return addresses.every((address) => address !== null) ? addresses : null;
}
