import { expect, it } from "vitest";
import { readQuery } from "./query.ts";

const read = (search: string) => readQuery(`http://localhost/v1/jobs${search}`);

it.each([
  ["", {}],
  ["?", {}],
  ["?a=1&b=", { a: "1", b: "" }],
  ["?a=%26%3D+x%20%C3%A9", { a: "&= x é" }],
  ["?metadata.a=1&metadata.b.c=2", { metadata: { a: "1", "b.c": "2" } }],
  ["?metadata[a]=1&metadata.b=2&limit=5", { limit: "5", metadata: { a: "1", b: "2" } }],
  ["?metadata%5Ba%5D=1", { metadata: { a: "1" } }],
  ["?metadata.=1&metadatax=2&metadata[]=3", { "metadata.": "1", metadatax: "2", "metadata[]": "3" }],
  ["?constructor=1&toString=2", { constructor: "1", toString: "2" }],
])("reads %s", (search, query) => {
  expect(read(search)).toEqual(query);
});

it.each([
  "?a=1&a=2",
  "?metadata.a=1&metadata.a=1",
  "?metadata.a=1&metadata[a]=1",
  "?metadata=x&metadata.a=1",
  "?a=%ff",
  "?%=1",
  "?a=%c3",
  "?__proto__=1",
  "?metadata.__proto__=1",
  "?metadata[__proto__]=1",
])("refuses %s", (search) => {
  expect(() => read(search)).toThrow(expect.objectContaining({ code: "invalid_request" }));
});

it("repeats little of a long name", () => {
  const name = "n".repeat(5_000);
  expect(() => read(`?${name}=1&${name}=2`)).toThrow(/^n{100}… is given twice\.$/);
});
