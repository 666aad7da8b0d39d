import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { outputOf, runVisibly } from "./run.mjs";
import { fail, say } from "./say.mjs";

/** npm 10 comes with Node 20 and reads the lock file too; it differs in running every install script unasked. */
const oldestNpm = 10;

/** Installs the packages of package-lock.json when it has changed or they are missing. */
export async function ensureDependencies(root) {
  const lockText = readFileSync(join(root, "package-lock.json"), "utf8");
  const lockHash = createHash("sha256").update(lockText).digest("hex");
  if (!isInstalled(root, lockText, lockHash)) {
    await install(root);
    remember(root, lockHash);
  }
  if (!existsSync(join(root, "node_modules/node/bin/node"))) {
    fail("The npm package `node`, which brings Node 24, is not complete: its install script has not run.", "npm rebuild node");
  }
}

function isInstalled(root, lockText, lockHash) {
  if (readJson(stampPath(root))?.lockHash === lockHash) return true;
  // Someone has run npm by hand: npm's own record of what it installed tells whether that was this lock file.
  const installed = readJson(join(root, "node_modules/.package-lock.json"))?.packages;
  if (installed === undefined || !holds(installed, JSON.parse(lockText).packages)) return false;
  remember(root, lockHash);
  return true;
}

function holds(installed, locked) {
  return Object.entries(locked).every(([path, { version, optional, devOptional }]) => {
    if (!path.includes("node_modules/")) return true;
    const found = installed[path];
    if (found === undefined) return optional === true || devOptional === true;
    return found.version === version;
  });
}

async function install(root) {
  const npm = npmCommand(root);
  requireNpm(npm);
  say("installing the npm packages, about 1.2 GB (Node 24, llama.cpp with its GPU back ends); this happens once");
  const args = [...npm.args, "ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const { ok, seconds } = await runVisibly(npm.command, args, { cwd: root, env: npm.env });
  if (!ok) fail("`npm ci` failed; its own message is above. Solve that, then start again. By hand it is:", "npm ci");
  say(`packages installed in ${seconds} s`);
}

function requireNpm({ command, args }) {
  const version = outputOf(command, [...args, "--version"]);
  if (version === null) fail("Llamero needs npm, and it is not on PATH. It comes with Node:", "nvm install 24");
  if (Number(version.split(".")[0]) < oldestNpm) {
    fail(`Llamero needs npm ${oldestNpm} or newer; this is npm ${version}.`, "npm install --global npm@11");
  }
}

/**
 * The npm that runs this script when there is one, else the one on PATH; without this folder's own node_modules/.bin on
 * PATH, for `npm ci` replaces the Node in there while it runs.
 */
function npmCommand(root) {
  const own = join(root, "node_modules/.bin");
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== own);
  const env = { ...process.env, PATH: folders.join(delimiter) };
  const { npm_execpath: script, npm_node_execpath: node, npm_config_user_agent: agent } = process.env;
  if (script && node && agent?.startsWith("npm/")) return { command: node, args: [script], env };
  return { command: "npm", args: [], env };
}

function stampPath(root) {
  return join(root, "node_modules/.llamero-setup.json");
}

function remember(root, lockHash) {
  writeFileSync(stampPath(root), `${JSON.stringify({ lockHash })}\n`);
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
