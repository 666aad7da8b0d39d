import { AppError } from "@llamero/core";
import { describe, expect, test } from "vitest";
import { AddressGuard } from "./address-guard.ts";
import { checkWebhookUrl, parseWebhookUrl, type UrlCheckOptions } from "./url-check.ts";

const PUBLIC = "93.184.215.14";
const zone: Readonly<Record<string, readonly string[]>> = {
  "example.com": [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
  "inside.test": ["10.0.0.5"],
  "loop.test": ["127.0.0.1"],
  "metadata.google.internal": ["169.254.169.254"],
  "127.0.0.1.nip.io": ["127.0.0.1"],
  "mixed.test": [PUBLIC, "127.0.0.1"],
  "mixed6.test": [PUBLIC, "::ffff:10.0.0.1"],
  "nat64.test": ["64:ff9b::808:808"],
  "nat64-local.test": [PUBLIC, "64:ff9b:1::808:808"],
  "scoped.test": ["fe80::1%eth0"],
  "xn--bcher-kva.example": [PUBLIC],
};
const resolve = async (hostname: string) => {
  const addresses = zone[hostname];
  if (addresses === undefined) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND" });
  return addresses;
};
/** http is allowed, so that nothing is refused for its scheme alone. */
const options: UrlCheckOptions = { guard: new AddressGuard(), allowHttp: true, resolve };

async function refusal(url: string, over: Partial<UrlCheckOptions> = {}): Promise<string> {
  try {
    await checkWebhookUrl(url, { ...options, ...over });
  } catch (error) {
    if (error instanceof AppError && error.code === "invalid_request" && error.param === "webhook.url") return error.message;
    throw error;
  }
  throw new Error("was accepted");
}

describe("refuses", () => {
  test.each<[string, string]>([
    // Spelling
    ["", "begin with https"],
    ["example.com", "begin with https"],
    ["//example.com/", "begin with https"],
    ["https:example.com", "begin with https"],
    ["https:///example.com", "begin with https"],
    ["https://", "begin with https"],
    ["https://?a", "begin with https"],
    ["ftp://example.com/", "begin with https"],
    ["file:///etc/passwd", "begin with https"],
    ["gopher://example.com:70/_", "begin with https"],
    ["javascript:alert(1)", "begin with https"],
    ["data:text/plain,a", "begin with https"],
    ["redis://127.0.0.1:6379", "begin with https"],
    [" https://example.com/", "spaces"],
    ["https://example.com/ a", "spaces"],
    ["https://exam\tple.com/", "spaces"],
    ["https://example.com/\r\nx-evil: 1", "spaces"],
    ["https://exam\u200bple.com/", "spaces"],
    ["https:\\\\127.0.0.1/", "backslashes"],
    ["https://example.com\\@127.0.0.1/", "backslashes"],
    ["https://example.com:bad/", "cannot be read"],
    ["https://example.com:65536/", "cannot be read"],
    ["https://exa mple.com/", "spaces"],
    ["https://exam<ple.com/", "cannot be read"],
    ["https://[::1/", "cannot be read"],
    ["https://example.com/#top", "fragment"],
    ["https://example.com/#", "fragment"],
    [`https://example.com/${"a".repeat(2029)}`, "longer than 2048"],
    // Credentials
    ["https://user:password@example.com/", "user name"],
    ["https://user@example.com/", "user name"],
    ["https://:@example.com/", "user name"],
    ["https://@example.com/", "user name"],
    ["https://example.com:443@127.0.0.1/", "user name"],
    ["https://example.com%40127.0.0.1/", "percent-encoded"],
    // Ports
    ["https://example.com:22/", "a port other than"],
    ["https://example.com:25/", "a port other than"],
    ["https://example.com:6379/", "a port other than"],
    ["https://example.com:0/", "a port other than"],
    ["http://example.com:65535/", "a port other than"],
    // IPv4 in every notation
    ["https://127.0.0.1/", "loopback"],
    ["https://127.0.0.1:8443/", "loopback"],
    ["https://127.1/", "loopback"],
    ["https://127.0.1/", "loopback"],
    ["https://2130706433/", "loopback"],
    ["https://0x7f000001/", "loopback"],
    ["https://0x7f.0x0.0x0.0x1/", "loopback"],
    ["https://0177.0.0.1/", "loopback"],
    ["https://017700000001/", "loopback"],
    ["https://0X7F.1/", "loopback"],
    ["https://127.0.0.1./", "loopback"],
    ["https://127.0.0.256/", "cannot be read"],
    ["https://4294967296/", "cannot be read"],
    ["https://①②⑦.⓪.⓪.①/", "loopback"],
    ["https://１２７.0.0.1/", "loopback"],
    ["https://127。0。0。1/", "loopback"],
    ["https://%31%32%37.0.0.1/", "percent-encoded"],
    ["https://127%2e0%2e0%2e1/", "percent-encoded"],
    ["https://0/", "unspecified"],
    ["https://0.0.0.0/", "unspecified"],
    ["https://10.0.0.1/", "private"],
    ["https://167772161/", "private"],
    ["https://012.0.0.1/", "private"],
    ["https://172.16.0.1/", "private"],
    ["https://192.168.0.1/", "private"],
    ["https://0xc0a80001/", "private"],
    ["https://100.64.0.1/", "CGNAT"],
    ["https://100.100.100.200/", "CGNAT"],
    ["https://169.254.169.254/latest/meta-data/", "link-local"],
    ["https://2852039166/", "link-local"],
    ["https://0251.0376.0251.0376/", "link-local"],
    ["https://168.63.129.16/", "reserved"],
    ["https://192.0.2.1/", "reserved"],
    ["https://198.18.0.1/", "reserved"],
    ["https://240.0.0.1/", "reserved"],
    ["https://224.0.0.1/", "multicast"],
    ["https://255.255.255.255/", "broadcast"],
    // IPv6
    ["https://[::]/", "unspecified"],
    ["https://[::1]/", "loopback"],
    ["https://[0:0:0:0:0:0:0:1]/", "loopback"],
    ["https://[0000::0001]:8443/", "loopback"],
    ["https://[::ffff:127.0.0.1]/", "loopback"],
    ["https://[::ffff:7f00:1]/", "loopback"],
    ["https://[::127.0.0.1]/", "reserved"],
    ["https://[64:ff9b::127.0.0.1]/", "NAT64"],
    ["https://[64:ff9b::a00:1]/", "NAT64"],
    ["https://[64:ff9b::8.8.8.8]/", "NAT64"],
    ["https://[0064:FF9B:0:0:0:0:0808:0808]/", "NAT64"],
    ["https://[64:ff9b:1::7f00:1]/", "NAT64"],
    ["https://[64:ff9b:1::8.8.8.8]/", "NAT64"],
    ["https://[2002:7f00:1::]/", "reserved"],
    ["https://[2001:0:7f00:1::]/", "reserved"],
    ["https://[2001:db8::1]/", "reserved"],
    ["https://[fc00::1]/", "private"],
    ["https://[fd00:ec2::254]/", "private"],
    ["https://[fec0::1]/", "private"],
    ["https://[fe80::1]/", "link-local"],
    ["https://[ff02::1]/", "multicast"],
    ["https://[fe80::1%25eth0]/", "zone id"],
    ["https://[fe80::1%eth0]/", "zone id"],
    // Names
    ["https://localhost/", "loopback"],
    ["https://LOCALHOST/", "loopback"],
    ["https://a.b.localhost/", "loopback"],
    ["https://localhost./", "ends with a dot"],
    ["https://localhost。/", "ends with a dot"],
    ["https://example.com./", "ends with a dot"],
    ["https://example.com.:443/", "ends with a dot"],
    ["https://ｌｏｃａｌｈｏｓｔ/", "loopback"],
    ["https://loc%61lhost/", "percent-encoded"],
    ["https://inside.test/", "private"],
    ["https://INSIDE.test/", "private"],
    ["https://loop.test/", "loopback"],
    ["https://127.0.0.1.nip.io/", "loopback"],
    ["https://metadata.google.internal/", "link-local"],
    ["https://mixed.test/", "loopback"],
    ["https://mixed6.test/", "private"],
    ["https://nat64.test/", "NAT64"],
    ["https://nat64-local.test/", "NAT64"],
    ["https://scoped.test/", "bound to an interface"],
  ])("%j: %s", async (url, reason) => {
    expect(await refusal(url)).toContain(reason);
  });

  test("http unless it is allowed", async () => {
    expect(await refusal("http://example.com/", { allowHttp: false })).toContain("must begin with https://");
  });

  test("without repeating the URL, or the address behind a name", async () => {
    expect(await refusal("https://user:geheim@example.com/")).not.toMatch(/geheim|user:|example/);
    expect(await refusal("https://inside.test/?token=geheim")).not.toMatch(/geheim|10\.0\.0\.5/);
  });
});

describe("accepts", () => {
  test.each<[string, string]>([
    ["https://example.com", "https://example.com/"],
    ["HTTPS://EXAMPLE.com:443/a?b=c", "https://example.com/a?b=c"],
    ["https://example.com:8443/", "https://example.com:8443/"],
    ["http://example.com:8080/a%20b", "http://example.com:8080/a%20b"],
    ["https://bücher.example/", "https://xn--bcher-kva.example/"],
    [`https://${PUBLIC}/`, `https://${PUBLIC}/`],
    ["https://[2606:4700::1111]/", "https://[2606:4700::1111]/"],
    ["https://example.com/user@home", "https://example.com/user@home"],
    [`https://example.com/${"a".repeat(2028)}`, `https://example.com/${"a".repeat(2028)}`],
    ["https://notlocalhost/", "https://notlocalhost/"],
    ["https://unknown.test/", "https://unknown.test/"],
  ])("%s", async (url, href) => {
    expect((await checkWebhookUrl(url, options)).href).toBe(href);
  });

  test("a name that DNS does not answer for in time", async () => {
    const never = () => new Promise<never>(() => {});
    const slow = { ...options, resolve: never, resolveTimeoutMs: 1 };
    expect((await checkWebhookUrl("https://slow.test/", slow)).host).toBe("slow.test");
  });

  test("a name that DNS answers for, and leaves no timer behind", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    await checkWebhookUrl("https://example.com/", options);
    expect(timers()).toBe(before);
  });
});

describe("with an allowed range", () => {
  const guard = new AddressGuard({ allow: ["127.0.0.1/32", "10.0.0.0/8"] });
  test.each([
    "http://127.0.0.1:3999/",
    "http://2130706433:3999/",
    "https://inside.test:9000/",
    "https://loop.test/",
    "http://unknown.test:3999/",
  ])("%s is accepted, at its port", async (url) => {
    await expect(checkWebhookUrl(url, { ...options, guard })).resolves.toBeInstanceOf(URL);
  });

  test.each<[string, string]>([
    ["https://example.com:9000/", "a port other than"],
    ["https://192.168.0.1/", "private"],
    ["https://mixed6.test:9000/", "a port other than"],
    ["https://[::1]/", "loopback"],
  ])("%s is still refused: %s", async (url, reason) => {
    expect(await refusal(url, { guard })).toContain(reason);
  });

  test("localhost is a name like others, whose addresses decide", async () => {
    const both = { guard, resolve: async () => ["127.0.0.1", "::1"] };
    await expect(
      checkWebhookUrl("http://localhost:3999/", { ...options, guard, resolve: async () => ["127.0.0.1"] }),
    ).resolves.toBeDefined();
    expect(await refusal("http://localhost:3999/", both)).toContain("loopback");
  });
});

test("names the field at fault", () => {
  expect(() => parseWebhookUrl("x", options, "url")).toThrow(expect.objectContaining({ param: "url" }));
});
