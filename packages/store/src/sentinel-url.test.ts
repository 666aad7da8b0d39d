import { expect, test } from "vitest";
import { sentinelOptions } from "./sentinel-url.ts";

test.each([
  ["sentinel://a/main", { sentinels: [{ host: "a", port: 26_379 }], name: "main" }],
  [
    "sentinel://a:1,b,[2001:db8::1]:3/main",
    {
      sentinels: [
        { host: "a", port: 1 },
        { host: "b", port: 26_379 },
        { host: "2001:db8::1", port: 3 },
      ],
      name: "main",
    },
  ],
  [
    "sentinel://me:p%40ss%2F@a/my%20db/3",
    { sentinels: [{ host: "a", port: 26_379 }], name: "my db", username: "me", password: "p@ss/", db: 3 },
  ],
  ["sentinel://:secret@a/main", { sentinels: [{ host: "a", port: 26_379 }], name: "main", password: "secret" }],
])("reads %s", (url, options) => {
  expect(sentinelOptions(url)).toMatchObject(options);
});

test.each(["sentinel://a", "sentinel:///main", "sentinel://a,/main", "sentinel://:secret@a:x/main", "sentinel://a/b/c"])(
  "refuses %s with the form that it must have, and without the secret",
  (url) => {
    const read = () => sentinelOptions(url);
    expect(read).toThrow(expect.objectContaining({ code: "config_invalid", message: expect.stringContaining("/name.") }));
    expect(read).not.toThrow(/secret/);
  },
);
