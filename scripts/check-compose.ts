/** Has Docker Compose read `docker-compose.yml`, where there is a Compose: the file's mistakes show without an engine. */
import { spawnSync } from "node:child_process";

const env = { ...process.env, LLAMERO_API_KEYS: "check:not-a-secret" };
const compose = (...words: string[]) => spawnSync("docker", ["compose", ...words], { env, encoding: "utf8" });

if (compose("version").status !== 0) {
  process.stdout.write("docker compose is not on this machine: docker-compose.yml was not checked.\n");
} else {
  const { status, stderr } = compose("--profile", "*", "config", "--quiet");
  if (status !== 0) {
    process.stderr.write(stderr);
    process.exitCode = 1;
  }
}
