import { outputOf, runVisibly, which } from "./run.mjs";

/**
 * Package managers in the order they are looked for. `refresh` updates the lists, `rights` says that it needs root.
 */
export const managers = [
  {
    name: "apt-get",
    env: ["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"],
    refresh: ["update"],
    install: ["install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"],
    rights: true,
  },
  { name: "dnf", env: [], install: ["install", "-y"], rights: true },
  { name: "apk", env: [], install: ["add", "--no-cache"], rights: true },
  { name: "brew", env: [], install: ["install"], rights: false },
];

export function findManager(env) {
  return managers.find(({ name }) => which(name, env) !== null);
}

/** What to put before the command to run it as root; null when there is no way. */
export function rightsPrefix(manager) {
  if (!manager.rights || outputOf("id", ["-u"]) === "0") return [];
  if (which("sudo") !== null && outputOf("sudo", ["-n", "true"]) !== null) return ["sudo", "-n"];
  return null;
}

/** As one types it. */
export function byHand(manager, packages) {
  const sudo = which("sudo") === null ? "su -c" : null;
  const command = [manager.refresh, [...manager.install, ...packages]]
    .filter((args) => args !== undefined)
    .map((args) => `${manager.rights && sudo === null ? "sudo " : ""}${manager.name} ${args.join(" ")}`)
    .join(" && ");
  return !manager.rights || sudo === null ? command : `${sudo} '${command}'`;
}

/** Runs the manager, as root where it needs that. */
export function runManager(manager, prefix, args) {
  const env = manager.env.length === 0 ? [] : ["env", ...manager.env];
  const [command, ...rest] = [...prefix, ...env, manager.name, ...args];
  return runVisibly(command, rest);
}
