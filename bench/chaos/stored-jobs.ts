import type { Job } from "@llamero/core";
import type { Deployment } from "./deployment.ts";

/** Jobs read at once. */
const BATCH = 200;

/** A job as it is stored when everything is over. */
export interface StoredJob {
  job: Job;
  /** Its chunks, put together. */
  text: string;
  tokens: number;
  /** Whether they are numbered 1, 2, 3, …. */
  isNumbered: boolean;
}

/** All jobs of the deployment by their ids. */
export async function readStoredJobs({ admin, store }: Pick<Deployment, "admin" | "store">): Promise<Map<string, StoredJob>> {
  const prefix = store.keys.job("");
  const ids: string[] = [];
  for (let cursor = "0"; ; ) {
    const [next, keys] = await admin.scan(cursor, "MATCH", `${prefix.replace(/[{}]/g, "\\$&")}*`, "COUNT", 1_000);
    ids.push(...keys.map((key) => key.slice(prefix.length)));
    cursor = next;
    if (cursor === "0") break;
  }
  const stored = new Map<string, StoredJob>();
  const unique = Array.from(new Set(ids));
  for (let from = 0; from < unique.length; from += BATCH)
    await Promise.all(
      unique.slice(from, from + BATCH).map(async (id) => {
        const owner = (await admin.hget(store.keys.job(id), "owner")) ?? "";
        const [job, chunks] = await Promise.all([store.getJob({ id, owner }), admin.xrange(store.keys.chunks(id), "-", "+")]);
        if (job !== null) stored.set(id, { job, ...joined(chunks) });
      }),
    );
  return stored;
}

function joined(chunks: readonly [string, string[]][]): Omit<StoredJob, "job"> {
  const fields = chunks.map(([, list]) => ({
    text: list[list.indexOf("text") + 1] ?? "",
    count: list[list.indexOf("count") + 1],
  }));
  return {
    text: fields.map(({ text }) => text).join(""),
    tokens: fields.reduce((sum, { count }) => sum + Number(count), 0),
    isNumbered: chunks.every(([k], index) => k === `${index + 1}-0`),
  };
}
