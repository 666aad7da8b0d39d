/** A job that a script has moved into its model's window; whoever ran the script adds its carrier. */
export interface FedJob {
  jobId: string;
  run: number;
  slug: string;
}

/** Reads the tail of a script's answer: id, run, slug, id, run, slug, … */
export function readFed(reply: readonly unknown[], from = 0): FedJob[] {
  const fed: FedJob[] = [];
  for (let i = from; i + 2 < reply.length; i += 3)
    fed.push({ jobId: String(reply[i]), run: Number(reply[i + 1]), slug: String(reply[i + 2]) });
  return fed;
}
