import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** What the Dockerfile makes, as a folder: its files, by its own commands, and how it is started. */
export interface Image {
  folder: string;
  /** In front of a process's name. */
  entrypoint: readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** The one that installs, without what it does to the container's own npm. */
function installCommand(dockerfile: string): string {
  const [, command] = /^RUN (npm install --global[\s\S]*?[^\\])\n(?!\s)/m.exec(dockerfile) ?? [];
  if (command === undefined) throw new Error("the Dockerfile has no step that installs");
  return command.replace(/^npm install --global \S+ \\\n && /, "");
}

async function run(command: string, cwd: string, env: Record<string, string>): Promise<void> {
  const child = spawn("sh", ["-ec", command], { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`the image's install ended with code ${code}`);
}

/** @param engine as the Dockerfile's ARG: `all`, `cpu` or `none` */
export async function buildImage(engine: string): Promise<Image> {
  const dockerfile = await readFile(join(ROOT, "Dockerfile"), "utf8");
  const [, entrypoint = "[]"] = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile) ?? [];
  const folder = await mkdtemp(join(tmpdir(), "llamero-image-"));
  const isCopied = (path: string) => !path.includes("node_modules");
  for (const name of ["package.json", "package-lock.json", "apps", "packages", "models"])
    await cp(join(ROOT, name), join(folder, name), { recursive: true, filter: isCopied });
  await run(installCommand(dockerfile), folder, { ENGINE: engine });
  const [, ...args] = JSON.parse(entrypoint) as string[];
  return {
    folder,
    entrypoint: [process.execPath, ...args],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
