import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "@llamero/testkit";

const CONFIG = new URL("../../deploy/haproxy/haproxy.cfg", import.meta.url);
const LOOK_MS = 50;

/** A real HAProxy with the configuration of the Compose file. */
export interface Balancer {
  url: string;
  /** Resolves when it sends calls to all of them. */
  allUp(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param ports of the API processes on this machine, which stand in the place of what Docker's DNS knows */
export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const dir = await mkdtemp(join(tmpdir(), "llamero-haproxy-"));
  const [port, statsPort] = [await freePort(), await freePort()];
  const servers = ports.map((of, index) => `  server api${index + 1} 127.0.0.1:${of}`).join("\n");
  const config = (await readFile(CONFIG, "utf8"))
    .replace("bind :3000", `bind 127.0.0.1:${port}`)
    .replace(/^ {2}server-template .*$/m, servers)
    .concat(`\nlisten stats\n  bind 127.0.0.1:${statsPort}\n  stats enable\n  stats uri /\n`);
  const file = join(dir, "haproxy.cfg");
  await writeFile(file, config);
  const child = spawn("haproxy", ["-f", file], { stdio: ["ignore", "ignore", "inherit"] });
  const states = async () => {
    const text = await fetch(`http://127.0.0.1:${statsPort}/;csv`).then((answer) => answer.text());
    return Array.from(text.matchAll(/^api,api\d+,(?:[^,]*,){15}([^,]+),/gm), ([, state]) => state);
  };
  return {
    url: `http://127.0.0.1:${port}`,
    allUp: async () => {
      for (;;) {
        if (child.exitCode !== null) throw new Error(`haproxy ended with code ${child.exitCode}; \`npm test\` installs it`);
        const found = await states().catch(() => []);
        if (found.length === ports.length && found.every((state) => state === "UP")) return;
        await pause(LOOK_MS);
      }
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      await rm(dir, { recursive: true });
    },
  };
}
