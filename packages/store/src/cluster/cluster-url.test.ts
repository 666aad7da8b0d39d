import { expect, test } from "vitest";
import { clusterAddress } from "./cluster-url.ts";

test.each([
  ["cluster://a", { nodes: [{ host: "a", port: 6_379 }], isTls: false }],
  [
    "clusters://a:1,b,[2001:db8::1]:3/",
    {
      nodes: [
        { host: "a", port: 1 },
        { host: "b", port: 6_379 },
        { host: "2001:db8::1", port: 3 },
      ],
      isTls: true,
    },
  ],
  ["cluster://me:p%40ss%2F@a", { nodes: [{ host: "a", port: 6_379 }], isTls: false, username: "me", password: "p@ss/" }],
  ["cluster://:secret@a", { nodes: [{ host: "a", port: 6_379 }], isTls: false, password: "secret" }],
])("reads %s", (url, address) => {
  expect(clusterAddress(url)).toEqual(address);
});

test.each(["cluster://", "cluster://a,", "cluster://:secret@a:x", "cluster://a/1"])(
  "refuses %s with the form that it must have, and without the secret",
  (url) => {
    const read = () => clusterAddress(url);
    expect(read).toThrow(expect.objectContaining({ code: "config_invalid", message: expect.stringContaining("host2:6379.") }));
    expect(read).not.toThrow(/secret/);
  },
);
