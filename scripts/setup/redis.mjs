import { existsSync } from "node:fs";
import { byHand, findManager, rightsPrefix, runManager } from "./packages.mjs";
import { outputOf, runVisibly, which } from "./run.mjs";
import { fail, say } from "./say.mjs";

const servers = ["redis-server", "valkey-server"];
const oldestRedis = 7;

/** Packages of each manager, tried in order; `service` is what the package may start and Llamero does not want. */
const redisPackages = {
  "apt-get": { names: ["redis-server"], service: "redis-server" },
  dnf: { names: ["valkey", "redis"] },
  apk: { names: ["redis", "valkey"] },
  brew: { names: ["redis"] },
};

/** Sees to it that `llamero dev` finds a Redis or Valkey: REDIS_URL, a server on PATH, or one installed now. */
export async function ensureRedis(env) {
  if (env.REDIS_URL) return;
  const found = servers.map((name) => which(name, env)).filter((path) => path !== null);
  if (found.some(isRecent)) return;
  if (found.length > 0) refuseOld(found[0]);
  const manager = findManager(env);
  if (manager === undefined) {
    fail("Llamero needs Redis or Valkey 7.0 or newer, and no package manager that it knows is here.", ...withoutInstall());
  }
  await install(manager);
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

async function install(manager) {
  const { names, service } = redisPackages[manager.name];
  const prefix = rightsPrefix(manager);
  if (prefix === null) {
    fail(
      "Llamero needs Redis or Valkey 7.0 or newer. Setup could install it, but it is neither root nor allowed to use sudo without a password.",
      byHand(manager, names.slice(0, 1)),
    );
  }
  say(`installing Redis with ${[...prefix, manager.name].join(" ")}, for there is none on this machine`);
  // Stale lists may still name a package that is there, so a failed refresh is not the end.
  if (manager.refresh !== undefined) await runManager(manager, prefix, manager.refresh);
  for (const name of names) {
    const { ok } = await runManager(manager, prefix, [...manager.install, name]);
    if (!ok) continue;
    await leaveServiceOff(service, prefix);
    say(`${name} installed`);
    return;
  }
  fail(`${manager.name} could not install Redis; its own message is above. By hand it is:`, byHand(manager, names.slice(0, 1)));
}

/** `llamero dev` runs a Redis of its own; the service that a package starts would only hold port 6379. */
async function leaveServiceOff(service, prefix) {
  if (service === undefined || !existsSync("/run/systemd/system") || which("systemctl") === null) return;
  const [command, ...args] = [...prefix, "systemctl", "disable", "--now", service];
  await runVisibly(command, args);
}
