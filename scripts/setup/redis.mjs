import { existsSync } from "node:fs";
import { outputOf, runVisibly, which } from "./run.mjs";
import { fail, say } from "./say.mjs";

const servers = ["redis-server", "valkey-server"];
const oldestRedis = 7;

/**
 * Package managers in the order they are looked for. `refresh` updates the lists, `packages` are tried in order, `rights`
 * says that it needs root, `service` is the system service that the package may start and Llamero does not want.
 */
const managers = [
  {
    name: "apt-get",
    env: ["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"],
    refresh: ["update"],
    install: ["install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"],
    packages: ["redis-server"],
    service: "redis-server",
    rights: true,
  },
  { name: "dnf", env: [], install: ["install", "-y"], packages: ["valkey", "redis"], rights: true },
  { name: "apk", env: [], install: ["add", "--no-cache"], packages: ["redis", "valkey"], rights: true },
  { name: "brew", env: [], install: ["install"], packages: ["redis"], rights: false },
];

/** Sees to it that `llamero dev` finds a Redis or Valkey: REDIS_URL, a server on PATH, or one installed now. */
export async function ensureRedis(env) {
  if (env.REDIS_URL) return;
  const found = servers.map((name) => which(name, env)).filter((path) => path !== null);
  if (found.some(isRecent)) return;
  if (found.length > 0) refuseOld(found[0]);
  const manager = managers.find(({ name }) => which(name, env) !== null);
  if (manager === undefined) {
    fail("Llamero needs Redis or Valkey 7.0 or newer, and no package manager that it knows is here.", ...withoutInstall());
  }
  await install(manager, rightsPrefix(manager));
  if (!servers.some((name) => isRecent(which(name, env)))) {
    fail(`${manager.name} has no Redis or Valkey of version ${oldestRedis} or newer for this machine.`, ...withoutInstall());
  }
}

function isRecent(path) {
  return path !== null && majorVersion(path) >= oldestRedis;
}

function majorVersion(path) {
  return Number(/v=(\d+)\./.exec(outputOf(path, ["--version"]) ?? "")?.[1] ?? 0);
}

/** An old server is left alone: something else on this machine may be using it. */
function refuseOld(path) {
  const version = /v=(\S+)/.exec(outputOf(path, ["--version"]) ?? "")?.[1] ?? "unknown";
  fail(`Llamero needs Redis or Valkey 7.0 or newer; ${path} is version ${version}.`, ...withoutInstall());
}

function withoutInstall() {
  return ["docker run -d -p 127.0.0.1:6379:6379 redis:8 --appendonly yes", "export REDIS_URL=redis://127.0.0.1:6379"];
}

/** What to put before the command to run it as root; ends setup when there is no way. */
function rightsPrefix(manager) {
  if (!manager.rights || outputOf("id", ["-u"]) === "0") return [];
  if (which("sudo") !== null && outputOf("sudo", ["-n", "true"]) !== null) return ["sudo", "-n"];
  const sudo = which("sudo") === null ? "su -c" : null;
  const command = [manager.refresh, [...manager.install, manager.packages[0]]]
    .filter((args) => args !== undefined)
    .map((args) => `${sudo === null ? "sudo " : ""}${manager.name} ${args.join(" ")}`)
    .join(" && ");
  fail(
    "Llamero needs Redis or Valkey 7.0 or newer. Setup could install it, but it is neither root nor allowed to use sudo without a password.",
    sudo === null ? command : `${sudo} '${command}'`,
  );
}

async function install(manager, prefix) {
  const run = (args) => runVisibly(...asCommand([...prefix, ...withEnv(manager, prefix), manager.name, ...args]));
  say(`installing Redis with ${[...prefix, manager.name].join(" ")}, for there is none on this machine`);
  // Stale lists may still name a package that is there, so a failed refresh is not the end.
  if (manager.refresh !== undefined) await run(manager.refresh);
  for (const name of manager.packages) {
    const { ok } = await run([...manager.install, name]);
    if (!ok) continue;
    await leaveServiceOff(manager, prefix);
    say(`${name} installed`);
    return;
  }
  const byHand = [...prefix.slice(0, 1), manager.name, ...manager.install, manager.packages[0]].join(" ");
  fail(`${manager.name} could not install Redis; its own message is above. By hand it is:`, byHand);
}

function withEnv({ env }) {
  return env.length === 0 ? [] : ["env", ...env];
}

function asCommand([command, ...args]) {
  return [command, args];
}

/** `llamero dev` runs a Redis of its own; the service that a package starts would only hold port 6379. */
async function leaveServiceOff({ service }, prefix) {
  if (service === undefined || !existsSync("/run/systemd/system") || which("systemctl") === null) return;
  await runVisibly(...asCommand([...prefix, "systemctl", "disable", "--now", service]));
}
