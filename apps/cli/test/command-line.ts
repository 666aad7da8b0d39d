import { createProgram } from "../src/program.ts";

/** What a command has written. */
export interface Written {
  out: string;
  err: string;
}

/** Runs `llamero …` on a Redis. */
export async function llamero(redisUrl: string, ...words: string[]): Promise<Written> {
  const text = { out: "", err: "" };
  const writer = (name: keyof Written) => ({
    write: (chunk: string) => {
      text[name] += chunk;
    },
  });
  const program = createProgram({ env: { REDIS_URL: redisUrl }, entry: "", out: writer("out"), err: writer("err") });
  await program.parseAsync(words, { from: "user" });
  return text;
}
