import { type Priority, prioritySchema } from "@llamero/core";

/** A job that a script has moved into its queue's window; whoever ran the script adds its carrier. */
export interface FedJob {
  jobId: string;
  run: number;
  slug: string;
  priority: Priority;
}

/** Reads the tail of a script's answer: id, run, slug, class, id, run, slug, class, … */
export function readFed(reply: readonly unknown[], from = 0): FedJob[] {
  const fed: FedJob[] = [];
  for (let i = from; i + 3 < reply.length; i += 4)
    fed.push({
      jobId: String(reply[i]),
      run: Number(reply[i + 1]),
      slug: String(reply[i + 2]),
      priority: prioritySchema.parse(reply[i + 3]),
    });
  return fed;
}
