import { expect, it } from "vitest";
import { useApi } from "./harness.ts";

const api = useApi();

async function read(path: string): Promise<{ headers: Headers; text: string }> {
  const response = await api.request(path);
  expect(response.status).toBe(200);
  return { headers: response.headers, text: await response.text() };
}

it("serves a page that loads only what this server serves", async () => {
  const { headers, text } = await read("/docs");
  expect(headers.get("content-type")).toMatch(/^text\/html/);
  const policy = headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'self'");
  expect(policy).not.toMatch(/https?:|\*|unsafe-eval|script-src[^;]*unsafe-inline/);
  expect(text).not.toMatch(/https?:\/\/|<script>|\son\w+=/);
  const linked = Array.from(text.matchAll(/(?:src|href)="([^"]+)"/g), ([, path = ""]) => path);
  expect(linked).toHaveLength(3);
  for (const path of linked) expect((await read(path)).headers.get("content-type")).toMatch(/^text\/(css|javascript)/);
});

it("points the page at the document and at nobody else's validator", async () => {
  const { text } = await read("/docs/init.js");
  expect(text).toContain('url: "/openapi.json"');
  expect(text).toContain("validatorUrl: null");
  expect(text).not.toMatch(/https?:\/\//);
});

it("styles the page without fetching from elsewhere", async () => {
  expect((await read("/docs/swagger-ui.css")).text).not.toMatch(/url\(["']?(?:https?:)?\/\/|@import/);
});

it("serves the document with the version it was built as", async () => {
  const document = JSON.parse((await read("/openapi.json")).text);
  expect(document).toMatchObject({ openapi: "3.1.0", info: { title: "Llamero", version: "1.2.3" }, servers: [{ url: "/" }] });
});
