import { describe, expect, test } from "vitest";
import { AddressGuard } from "./address-guard.ts";

const guard = new AddressGuard();

describe("forbids", () => {
  test.each<[string, string]>([
    ["0.0.0.0", "the unspecified address"],
    ["0.1.2.3", "the unspecified address"],
    ["10.0.0.1", "a private address"],
    ["100.64.0.1", "a shared (CGNAT) address"],
    ["100.127.255.254", "a shared (CGNAT) address"],
    ["127.0.0.1", "a loopback address"],
    ["127.255.255.255", "a loopback address"],
    ["168.63.129.16", "a reserved address"],
    ["169.254.169.254", "a link-local address"],
    ["172.16.0.1", "a private address"],
    ["172.31.255.255", "a private address"],
    ["192.0.0.192", "a reserved address"],
    ["192.0.2.1", "a reserved address"],
    ["192.88.99.1", "a reserved address"],
    ["192.168.1.1", "a private address"],
    ["198.18.0.1", "a reserved address"],
    ["198.19.255.255", "a reserved address"],
    ["198.51.100.1", "a reserved address"],
    ["203.0.113.1", "a reserved address"],
    ["224.0.0.1", "a multicast address"],
    ["239.255.255.255", "a multicast address"],
    ["240.0.0.1", "a reserved address"],
    ["255.255.255.255", "the broadcast address"],
    ["::", "the unspecified address"],
    ["::1", "a loopback address"],
    ["::7f00:1", "a reserved address"],
    ["::8.8.8.8", "a reserved address"],
    ["::ffff:127.0.0.1", "a loopback address"],
    ["::ffff:7f00:1", "a loopback address"],
    ["::ffff:10.0.0.1", "a private address"],
    ["::ffff:0:127.0.0.1", "a reserved address"],
    ["64:ff9b::127.0.0.1", "a NAT64 address"],
    ["64:ff9b::a9fe:a9fe", "a NAT64 address"],
    ["64:ff9b::8.8.8.8", "a NAT64 address"],
    ["64:ff9b::808:808", "a NAT64 address"],
    ["64:ff9b:1::7f00:1", "a NAT64 address"],
    ["64:ff9b:1::8.8.8.8", "a NAT64 address"],
    ["64:ff9b:1:ffff::1", "a NAT64 address"],
    ["64:ff9b:2::1", "a reserved address"],
    ["64:ff9b::1:0:0", "a reserved address"],
    ["100::1", "a reserved address"],
    ["2001::1", "a reserved address"],
    ["2001:0:53aa:64c:0:0:80ff:fffe", "a reserved address"],
    ["2001:2::1", "a reserved address"],
    ["2001:10::1", "a reserved address"],
    ["2001:20::1", "a reserved address"],
    ["2001:db8::1", "a reserved address"],
    ["2002:7f00:1::", "a reserved address"],
    ["2002:808:808::", "a reserved address"],
    ["3fff::1", "a reserved address"],
    ["4000::1", "a reserved address"],
    ["5f00::1", "a reserved address"],
    ["fc00::1", "a private address"],
    ["fd00:ec2::254", "a private address"],
    ["fe80::1", "a link-local address"],
    ["febf::1", "a link-local address"],
    ["fec0::1", "a private address"],
    ["ff02::1", "a multicast address"],
    ["fe80::1%eth0", "an address that is bound to an interface or cannot be read"],
    ["2606:4700::1%1", "an address that is bound to an interface or cannot be read"],
    ["example.com", "an address that is bound to an interface or cannot be read"],
    ["", "an address that is bound to an interface or cannot be read"],
  ])("%s", (address, reason) => {
    expect(guard.refusal(address, 443)).toBe(reason);
  });
});

test.each([
  "8.8.8.8",
  "9.255.255.255",
  "11.0.0.0",
  "100.63.255.255",
  "100.128.0.0",
  "126.255.255.255",
  "128.0.0.0",
  "168.63.129.17",
  "172.15.255.255",
  "172.32.0.0",
  "192.167.255.255",
  "198.17.255.255",
  "198.20.0.0",
  "223.255.255.255",
  "::ffff:8.8.8.8",
  "2001:4860:4860::8888",
  "2606:4700::1111",
])("permits the public %s", (address) => {
  expect(guard.refusal(address, 443)).toBeNull();
});

test("permits public addresses at the listed ports alone", () => {
  expect([443, 8443, 80, 8080].map((port) => guard.refusal("8.8.8.8", port))).toEqual([null, null, null, null]);
  expect(guard.refusal("8.8.8.8", 6379)).toBe("a port other than 443, 8443, 80, 8080");
  expect(new AddressGuard({ ports: [6379] }).refusal("8.8.8.8", 6379)).toBeNull();
});

describe("an allowed range", () => {
  const allowing = (...allow: string[]) => new AddressGuard({ allow });
  test.each<[string, string]>([
    ["127.0.0.1/32", "127.0.0.1"],
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.1/32", "::ffff:127.0.0.1"],
    ["10.0.0.0/8", "10.255.0.1"],
    ["10.1.2.3/8", "10.255.0.1"],
    ["::1", "::1"],
    ["fd00::/8", "fd12::1"],
    ["64:ff9b:1::/48", "64:ff9b:1::7f00:1"],
  ])("%s permits %s, at every port", (range, address) => {
    expect([443, 6379].map((port) => allowing(range).refusal(address, port))).toEqual([null, null]);
  });

  test("permits nothing beside it", () => {
    const some = allowing("127.0.0.1/32", "10.0.0.0/9");
    for (const address of ["127.0.0.2", "10.128.0.0", "::1", "192.168.0.1", "2002:7f00:1::"])
      expect(some.refusal(address, 443), address).not.toBeNull();
    expect(some.refusal("8.8.8.8", 6379)).toBe("a port other than 443, 8443, 80, 8080");
  });

  test("of NAT64 permits what the address inside permits, at its ports", () => {
    const translating = allowing("64:ff9b::/96");
    expect(translating.refusal("64:ff9b::8.8.8.8", 443)).toBeNull();
    expect(translating.refusal("64:ff9b::8.8.8.8", 6379)).toBe("a port other than 443, 8443, 80, 8080");
    expect(translating.refusal("64:ff9b::169.254.169.254", 443)).toBe("a link-local address");
    expect(translating.refusal("64:ff9b::127.0.0.1", 443)).toBe("a loopback address");
    expect(allowing("64:ff9b::/96", "192.168.0.0/16").refusal("64:ff9b::192.168.0.1", 6379)).toBeNull();
  });

  test("of IPv4 permits none of it by way of NAT64", () => {
    expect(allowing("192.168.0.0/16").refusal("64:ff9b::192.168.0.1", 443)).toBe("a NAT64 address");
    expect(allowing("0.0.0.0/0").refusal("64:ff9b:1::8.8.8.8", 443)).toBe("a NAT64 address");
  });

  test.each([
    "",
    "10.0.0.0/33",
    "10.0.0/8",
    "10/8",
    "0x7f.1",
    "localhost",
    "10.0.0.0/",
    "::1/129",
    "::ffff:10.0.0.0/104",
    "1.2.3.4/8/8",
  ])("written as %j is refused at the start", (range) => {
    expect(() => allowing(range)).toThrow(expect.objectContaining({ code: "config_invalid" }));
  });
});
