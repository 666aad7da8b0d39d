import type { ReadyModel } from "@llamero/process";

export interface BannerOptions {
  /** Where the API listens, `http://host:port`. */
  readonly url: string;
  /** Where it listens for gRPC; undefined where it does not. */
  readonly grpcUrl?: string | undefined;
  readonly models: readonly ReadyModel[];
  /** Whether requests need an API key. */
  readonly needsKey: boolean;
}

/** What `llamero dev` prints when everything is ready: the URL, the models, and a request that works as pasted. */
export function banner({ url, grpcUrl, models, needsKey }: BannerOptions): string {
  const names = models.map(({ name, base, slots, context_length }) =>
    base === null ? `${name} (${slots} slots, ${context_length} tokens of context)` : `${name} (an adapter on ${base})`,
  );
  return [
    "",
    `  Llamero is ready at ${reachable(url)}`,
    ...(grpcUrl === undefined ? [] : [`  gRPC: ${new URL(reachable(grpcUrl)).host}`]),
    `  Models: ${names.length === 0 ? "none" : names.join(", ")}`,
    "",
    "  Try it:",
    "",
    `  ${curl(reachable(url), models, needsKey)}`,
    "",
    "  Ctrl-C stops it, a second one at once.",
    "",
    "",
  ].join("\n");
}

function curl(url: string, models: readonly ReadyModel[], needsKey: boolean): string {
  const [first, second] = models;
  // With one model there is nothing to choose.
  const model = first !== undefined && second !== undefined ? { model: first.name } : {};
  const body = JSON.stringify({ ...model, prompt: "Classify the sentiment: I love it." });
  const key = needsKey ? " -H 'authorization: Bearer YOUR_API_KEY'" : "";
  return `curl -s '${url}/v1/jobs' -H 'Prefer: wait=30' -H 'content-type: application/json'${key} -d '${body.replaceAll("'", "'\\''")}'`;
}

/** A wildcard address is one to listen on, not one to connect to. */
function reachable(url: string): string {
  return url.replace(/\/\/(0\.0\.0\.0|\[::\])/, "//127.0.0.1").replace(/\/$/, "");
}
