import { byHand, findManager, rightsPrefix, runManager } from "./packages.mjs";
import { which } from "./run.mjs";
import { fail, say } from "./say.mjs";

/** What tests and proofs run for real, besides Redis: a command of each, and the package that brings it. */
const tools = [
  {
    command: "promtool",
    packages: { "apt-get": "prometheus", dnf: "golang-github-prometheus", apk: "prometheus", brew: "prometheus" },
  },
  { command: "haproxy", packages: { "apt-get": "haproxy", dnf: "haproxy", apk: "haproxy", brew: "haproxy" } },
];

/** Sees to it that the tests find their tools, with the system's package manager. */
export async function ensureTestTools(env) {
  const missing = tools.filter(({ command }) => which(command, env) === null);
  if (missing.length === 0) return;
  const commands = missing.map(({ command }) => command).join(" and ");
  const manager = findManager(env);
  if (manager === undefined) fail(`The tests need ${commands}, and no package manager that setup knows is here. Install them.`);
  const packages = missing.map((tool) => tool.packages[manager.name]);
  const prefix = rightsPrefix(manager);
  const next = byHand(manager, packages);
  if (prefix === null) fail(`The tests need ${commands}, and setup may not install them.`, next);
  say(`installing ${packages.join(" and ")} with ${[...prefix, manager.name].join(" ")}, for the tests`);
  if (manager.refresh !== undefined) await runManager(manager, prefix, manager.refresh);
  await runManager(manager, prefix, [...manager.install, ...packages]);
  const left = missing.filter(({ command }) => which(command, env) === null);
  if (left.length > 0)
    fail(`${manager.name} did not bring ${left.map(({ command }) => command).join(" and ")}. By hand it is:`, next);
}
