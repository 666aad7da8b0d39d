import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");
const read = (file: string) => readFile(join(root, file), "utf8");

interface ComposeService {
  image: string;
  build?: unknown;
  read_only?: boolean;
  tmpfs?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  healthcheck?: { test: string[] };
  environment?: Record<string, string>;
  ports?: string[];
}

const { services } = parse(await read("docker-compose.yml"), { merge: true }) as { services: Record<string, ComposeService> };
const all = Object.entries(services);
const own = all.filter(([, { build }]) => build !== undefined);

test.each(all)("%s runs a version that is named", (_name, { image }) => {
  expect(image).toMatch(/:v?\d+\.\d+\.\d+(-[a-z]+)?$/);
});

test.each(all)("%s is reached from this machine alone, where it is reached at all", (_name, { ports = [] }) => {
  expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
});

test("the API, both kinds of worker and the dispatcher are built here", () => {
  expect(own.map(([name]) => name)).toEqual(["api", "worker", "worker-gpu", "dispatcher"]);
});

test.each(own)("%s may write to its volumes alone, gains no rights, and says how it is", (_name, service) => {
  expect(service).toMatchObject({
    ...{ read_only: true, tmpfs: ["/tmp"], cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] },
    environment: { LLAMERO_OPS_HOST: "0.0.0.0", LLAMERO_OPS_PORT: "9100" },
  });
  expect(service.healthcheck?.test.join(" ")).toContain("127.0.0.1:9100/readyz");
});

test("the image runs as a user without rights, on a base that is pinned", async () => {
  const lines = (await read("Dockerfile")).split("\n");
  const bases = lines.filter((line) => line.startsWith("FROM ")).map((line) => line.split(" ")[1]);
  expect(new Set(bases).size).toBe(1);
  expect(bases[0]).toMatch(/:\d+\.\d+\.\d+-/);
  expect(lines.lastIndexOf("USER node")).toBeGreaterThan(lines.findLastIndex((line) => line.startsWith("RUN ")));
});

test("HAProxy takes its configuration", async () => {
  const haproxy = promisify(execFile)("haproxy", ["-c", "-f", join(root, "deploy/haproxy/haproxy.cfg")]);
  expect((await haproxy).stdout).toContain("valid");
});
