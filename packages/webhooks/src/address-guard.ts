import { isIP } from "node:net";
import { AppError } from "@llamero/core";
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Address, number];

/** Ports at which public addresses may be reached: HTTPS and HTTP, and the usual other port of each. */
export const defaultPorts: readonly number[] = [443, 8443, 80, 8080];

/** All that is routed as unicast today (IANA, IPv6 address space). Outside of it lie the forms that hide an IPv4 address. */
const GLOBAL_IPV6 = ipaddr.parseCIDR("2000::/3");
/** RFC 6052: networks with only IPv6 reach IPv4 hosts through it, private ones too. */
const NAT64 = ipaddr.parseCIDR("64:ff9b::/96");
/** Azure's platform services, behind a public address: learn.microsoft.com, "What is IP address 168.63.129.16?". */
const AZURE_PLATFORM = ipaddr.parseCIDR("168.63.129.16/32");

/** How a forbidden range is called; the others are "reserved". */
const rangeNames: Readonly<Record<string, string>> = {
  loopback: "a loopback address",
  private: "a private address",
  uniqueLocal: "a private address",
  deprecatedSiteLocal: "a private address",
  linkLocal: "a link-local address",
  carrierGradeNat: "a shared (CGNAT) address",
  multicast: "a multicast address",
  broadcast: "the broadcast address",
  unspecified: "the unspecified address",
  // Of RFC 6052, and of RFC 8215 for local use.
  rfc6052: "a NAT64 address",
};

/** An address was not connected to, because the guard forbids it. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
}

export interface AddressGuardOptions {
  /** Ranges that may be reached besides public addresses, at every port: `10.0.0.0/8`, `::1/128`, `127.0.0.1`. Default: none. */
  readonly allow?: readonly string[];
  /** Ports at which public addresses may be reached. Default: `defaultPorts`. */
  readonly ports?: readonly number[];
}

/** Says which addresses may be connected to. It knows the ranges by a list of what is public: the unknown is forbidden. */
export class AddressGuard {
  readonly #allow: readonly Range[];
  readonly #ports: readonly number[];

  /** @throws AppError `config_invalid` for a range that cannot be read */
  constructor({ allow = [], ports = defaultPorts }: AddressGuardOptions = {}) {
    this.#allow = allow.map(parseRange);
    this.#ports = ports;
  }

  /**
   * Why this address may not be reached at this port, as in "the host has …"; null when it may. The answer does not repeat the
   * address: what a name means inside is not for everyone who may name it.
   */
  refusal(address: string, port: number): string | null {
    if (isIP(address) === 0 || address.includes("%")) return "an address that is bound to an interface or cannot be read";
    return this.#refusalOf(unmapped(parseAddress(address)), port);
  }

  /** Why no address at all may be reached at this port; null when some may. */
  portRefusal(port: number, { allowedRanges = true } = {}): string | null {
    if (this.#ports.includes(port) || (allowedRanges && this.#allow.length > 0)) return null;
    return `a port other than ${this.#ports.join(", ")}`;
  }

  #refusalOf(address: Address, port: number): string | null {
    const isAllowed = this.#allow.some((range) => contains(range, address));
    // A network that lives behind NAT64 has to allow all of it: what is translated is still judged by where it ends.
    if (isAllowed && contains(NAT64, address)) return this.#refusalOf(lastFourBytes(address), port);
    return isAllowed ? null : (forbiddenRange(address) ?? this.portRefusal(port, { allowedRanges: false }));
  }
}

function contains([network, bits]: Range, address: Address): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}

/** ipaddr.js takes `::8.8.8.8` for an IPv4-mapped address, which it is not: it gets addresses without such a part. */
function parseAddress(text: string): Address {
  if (isIP(text) === 4) return ipaddr.parse(text);
  return ipaddr.parse(new URL(`http://[${text}]`).hostname.slice(1, -1));
}

/** An IPv4-mapped address is an IPv4 one in another spelling. */
function unmapped(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? lastFourBytes(address) : address;
}

function lastFourBytes(address: Address): Address {
  return ipaddr.fromByteArray(address.toByteArray().slice(12));
}

function forbiddenRange(address: Address): string | null {
  const range = address.range();
  if (range !== "unicast") return rangeNames[range] ?? "a reserved address";
  const outside = address.kind() === "ipv6" ? !contains(GLOBAL_IPV6, address) : contains(AZURE_PLATFORM, address);
  return outside ? "a reserved address" : null;
}

function parseRange(text: string): Range {
  const [address = "", bits] = text.split("/");
  const family = isIP(address);
  const cidr = bits === undefined ? `${text}/${family === 4 ? 32 : 128}` : text;
  if (family === 0 || !ipaddr.isValidCIDR(cidr)) throw badRange(text);
  const [network, prefix] = ipaddr.parseCIDR(cidr);
  if (unmapped(network) !== network) throw badRange(text);
  return [network, prefix];
}

function badRange(text: string): AppError {
  const message = `${JSON.stringify(text)} is not a range of addresses; write it as 10.0.0.0/8 or fd00::/8, and IPv4 as IPv4.`;
  return new AppError("config_invalid", message);
}
