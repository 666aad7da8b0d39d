import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";

const lockText = JSON.stringify({ packages: { "": {}, "node_modules/zod": { version: "4.0.0", resolved: "zod.tgz" } } });
const lockHash = createHash("sha256").update(lockText).digest("hex");
const installedFiles = {
  "node_modules/.llamero-setup.json": JSON.stringify({ lockHash }),
  "node_modules/node/bin/node": "",
};

/** A shim that writes its name and arguments to `calls`, then runs `body`. */
const shim = (body = "") => `#!/bin/sh\necho "\${0##*/} $*" >> "$CALLS"\n${body}\n`;
const redis = (version: string) => `#!/bin/sh\necho "Redis server v=${version} sha=00000000:0"\n`;
const root = shim("echo 0");
const user = shim("echo 1000");
const env = '#!/bin/sh\nexec /usr/bin/env "$@"\n';
const sudoAllowed = shim('shift; exec "$@"');
const sudoRefused = shim("exit 1");
/** A package manager that really leaves a server behind. */
const installs = (server: string, version = "7.0.15") =>
  shim(
    `case "$*" in *${server}*) printf '#!/bin/sh\\necho "Redis server v=${version}"\\n' > "$BIN/${server}"; /bin/chmod +x "$BIN/${server}";; esac`,
  );
const npmInstalls = shim(`case "$*" in
--version) echo "\${NPM_VERSION:-11.19.1}";;
ci*) /bin/mkdir -p node_modules/node/bin; : > node_modules/node/bin/node;;
esac`);

const folders: string[] = [];

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

interface Machine {
  readonly programs: Record<string, string>;
  readonly files?: Record<string, string>;
  readonly env?: Record<string, string>;
}

/** Copies setup into a folder of its own and runs it on a machine that has only the given programs. */
async function setUp({ programs, files = installedFiles, env = {} }: Machine) {
  const folder = await mkdtemp(join(tmpdir(), "llamero-setup-"));
  folders.push(folder);
  await cp(join(import.meta.dirname, "setup.mjs"), join(folder, "scripts/setup.mjs"));
  await cp(join(import.meta.dirname, "setup"), join(folder, "scripts/setup"), { recursive: true });
  for (const [path, text] of Object.entries({ "package-lock.json": lockText, calls: "", ...files })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await mkdir(join(folder, "bin"));
  for (const [name, text] of Object.entries(programs)) {
    await writeFile(join(folder, "bin", name), text);
    await chmod(join(folder, "bin", name), 0o755);
  }
  const places = { PATH: join(folder, "bin"), BIN: join(folder, "bin"), CALLS: join(folder, "calls") };
  const result = await run(join(folder, "scripts/setup.mjs"), { ...places, ...env });
  const calls = (await readFile(join(folder, "calls"), "utf8")).split("\n").filter((line) => line !== "");
  return { ...result, calls, folder };
}

function run(script: string, env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script], { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.on("close", (code) => resolve({ code, output }));
  });
}

test("says and does nothing when all is there", async () => {
  const result = await setUp({ programs: { "redis-server": redis("7.0.15") } });
  expect(result).toMatchObject({ code: 0, output: "", calls: [] });
});

test("takes a valkey-server for Redis", async () => {
  expect(await setUp({ programs: { "valkey-server": redis("8.0.1") } })).toMatchObject({ code: 0, output: "" });
});

test("needs no Redis here when REDIS_URL is set", async () => {
  expect(await setUp({ programs: {}, env: { REDIS_URL: "redis://elsewhere" } })).toMatchObject({ code: 0, output: "" });
});

test("installs the packages on a fresh clone, and remembers it", async () => {
  const { code, output, calls, folder } = await setUp({
    programs: { npm: npmInstalls, "redis-server": redis("7.2.0") },
    files: {},
  });
  expect({ code, calls }).toEqual({ code: 0, calls: ["npm --version", "npm ci --no-audit --no-fund --loglevel=error"] });
  expect(output).toContain("about 1.2 GB");
  expect(existsSync(join(folder, "node_modules/.llamero-setup.json"))).toBe(true);
});

test("installs again when the lock file has changed", async () => {
  const files = { ...installedFiles, "package-lock.json": lockText.replaceAll("4.0.0", "4.0.1") };
  const { calls } = await setUp({ programs: { npm: npmInstalls, "redis-server": redis("7.2.0") }, files });
  expect(calls).toContain("npm ci --no-audit --no-fund --loglevel=error");
});

test("accepts packages that somebody installed by hand from the same lock file", async () => {
  const files = { "node_modules/.package-lock.json": lockText, "node_modules/node/bin/node": "" };
  const result = await setUp({ programs: { "redis-server": redis("7.2.0") }, files });
  expect(result).toMatchObject({ code: 0, output: "", calls: [] });
});

test("says the next command when npm ci fails, and does not remember it as done", async () => {
  const programs = { npm: shim('case "$*" in --version) echo 11.0.0;; *) exit 1;; esac') };
  const { code, output, folder } = await setUp({ programs, files: {}, env: { npm_lifecycle_event: "pretest" } });
  expect({ code, output }).toEqual({ code: 1, output: expect.stringMatching(/npm ci\n {2}npm test\n$/) });
  expect(existsSync(join(folder, "node_modules"))).toBe(false);
});

test("names the command that updates an npm that is too old", async () => {
  const { code, output } = await setUp({ programs: { npm: npmInstalls }, files: {}, env: { NPM_VERSION: "9.8.1" } });
  expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining("npm install --global npm@11") });
});

test("says what to do when install scripts were switched off", async () => {
  const files = { "node_modules/.llamero-setup.json": JSON.stringify({ lockHash }) };
  const { code, output } = await setUp({ programs: {}, files });
  expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining("npm rebuild node") });
});

test("installs Redis with apt-get as root", async () => {
  const { code, calls, output } = await setUp({ programs: { env, id: root, "apt-get": installs("redis-server") } });
  expect({ code, calls: calls.slice(0, 3) }).toEqual({
    code: 0,
    calls: ["id -u", "apt-get update", "apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 redis-server"],
  });
  expect(output).toContain("installing Redis with apt-get");
});

test("installs Redis through sudo when it asks for no password", async () => {
  const programs = { env, id: user, sudo: sudoAllowed, true: shim(), "apt-get": installs("redis-server") };
  const { code, calls } = await setUp({ programs });
  expect(code).toBe(0);
  expect(calls).toContain("sudo -n env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get update");
});

test.each([
  ["dnf", "valkey-server", "dnf install -y valkey"],
  ["apk", "redis-server", "apk add --no-cache redis"],
])("installs with %s", async (manager, server, call) => {
  const { code, calls } = await setUp({ programs: { id: root, [manager]: installs(server.replace("-server", "")), env } });
  expect(calls).toContain(call);
  // The shim names its server after the package, so the server is still missing, and setup says so.
  expect(code).toBe(1);
});

test("installs with brew as an ordinary user", async () => {
  const { code, calls } = await setUp({
    programs: { brew: shim(installs("redis-server").replaceAll("*redis-server*", "*redis*")) },
  });
  expect({ code, calls: calls[0] }).toEqual({ code: 0, calls: "brew install redis" });
});

test("tries the second package when the first is not known", async () => {
  const dnf = shim('case "$*" in *valkey*) exit 1;; esac');
  const { calls } = await setUp({ programs: { id: root, dnf } });
  expect(calls).toEqual(["id -u", "dnf install -y valkey", "dnf install -y redis"]);
});

test.each([
  ["sudo wants a password", { sudo: sudoRefused }, /\n {2}sudo apt-get update && sudo apt-get install -y .*redis-server\n/],
  ["there is no sudo", {}, /\n {2}su -c 'apt-get update && apt-get install -y .*redis-server'\n/],
])("prints the exact command when %s", async (_, programs, command) => {
  const { code, output, calls } = await setUp({ programs: { id: user, "apt-get": shim(), ...programs } });
  expect({ code, output }).toEqual({ code: 1, output: expect.stringMatching(command) });
  expect(calls.filter((call) => call.startsWith("apt-get"))).toEqual([]);
});

test("explains when there is no Redis and no package manager that it knows", async () => {
  const { code, output } = await setUp({ programs: {} });
  expect({ code, output }).toEqual({ code: 1, output: expect.stringMatching(/docker run .*\n.*REDIS_URL=.*\n {2}npm start\n$/) });
});

test("leaves a Redis that is too old alone and explains", async () => {
  const { code, output, calls } = await setUp({ programs: { "redis-server": redis("6.0.16"), "apt-get": shim(), id: root } });
  expect({ code, calls }).toEqual({ code: 1, calls: [] });
  expect(output).toContain("is version 6.0.16");
});

test("installs what the tests run, before them alone", async () => {
  const brings = shim(
    'for tool in promtool haproxy; do case "$*" in *install*) printf "#!/bin/sh\n" > "$BIN/$tool"; /bin/chmod +x "$BIN/$tool";; esac; done',
  );
  const programs = { env, id: root, "redis-server": redis("7.2.0"), "apt-get": brings };
  expect((await setUp({ programs })).calls).toEqual([]);
  const { code, calls } = await setUp({ programs, env: { npm_lifecycle_event: "pretest" } });
  expect({ code, installed: calls.at(-1) }).toEqual({
    code: 0,
    installed: "apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 prometheus haproxy",
  });
});

test("says the command that brings what the tests run, where it may not", async () => {
  const programs = { env, id: user, "redis-server": redis("7.2.0"), "apt-get": shim(), haproxy: shim() };
  const { code, output } = await setUp({ programs, env: { npm_lifecycle_event: "preprove" } });
  expect({ code, output }).toEqual({
    code: 1,
    output: expect.stringMatching(/The tests need promtool.*\n\n.*\n\n.*prometheus'\n/),
  });
});

test("says so when the package manager fails", async () => {
  const { code, output } = await setUp({ programs: { env, id: root, "apt-get": shim("exit 100") } });
  expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining("apt-get could not install Redis") });
});

test("says so when the package manager only has an old Redis", async () => {
  const { code, output } = await setUp({ programs: { env, id: root, "apt-get": installs("redis-server", "6.0.16") } });
  expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining("no Redis or Valkey of version 7") });
});
