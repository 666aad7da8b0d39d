/**
 * Makes a fresh clone runnable: the npm packages (Node 24 among them), then a Redis, and for tests and proofs what they run beside it.
 * `npm start` and `npm test` run it first.
 *
 * Plain JavaScript without dependencies, for the machine's own Node (20 or newer). It does nothing and says nothing when
 * there is nothing to do. When it cannot do something, it prints the next command and exits 1.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = 20;

const { fail, SetupError } = await import("./setup/say.mjs");

try {
  if (Number(process.versions.node.split(".")[0]) < oldestNode) {
    fail(`Llamero needs Node ${oldestNode} or newer to set itself up; this is Node ${process.versions.node}.`, "nvm install 24");
  }
  const { ensureDependencies } = await import("./setup/dependencies.mjs");
  const { ensureRedis } = await import("./setup/redis.mjs");
  await ensureDependencies(root);
  await ensureRedis(process.env);
  if (["pretest", "preprove"].includes(process.env.npm_lifecycle_event ?? "")) {
    const { ensureTestTools } = await import("./setup/test-tools.mjs");
    await ensureTestTools(process.env);
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  process.exitCode = 1;
}
