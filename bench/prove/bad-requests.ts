import { tinyEntry } from "@llamero/testkit";
import { badRequestEnv, sendBadRequests } from "@llamero/testkit/bad-requests";
import { openApiProcess } from "./api-process.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";

const COUNT = { full: 20_000, quick: 800 };
/** Of all requests, at least this part is for the route that gets the fewest; of few requests, one is. */
const LEAST_SHARE = 0.005;
const LOOK_EVERY = 100;
const MIB = 2 ** 20;
/** An idle API process holds about 110 MiB; the rest is for bodies of half a megabyte and what the collector has not taken yet. */
const MOST_RSS_MIB = 400;

const isRefusal = ([status]: [string, number]) => Number(status) >= 400;
const sum = (entries: readonly [string, number][]) => entries.reduce((total, [, count]) => total + count, 0);

/** An API process outlives requests that break its own OpenAPI document, and answers each in time and as documented. */
export async function proveBadRequests({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const count = isQuick ? COUNT.quick : COUNT.full;
  const api = await openApiProcess(seed, 1, badRequestEnv);
  try {
    await api.door.store.announceModel(tinyEntry);
    const { key: adminKey } = await api.door.store.apiKeys.create({
      by: "test",
      owner: "ops",
      name: "",
      nowMs: 1,
      scopes: ["admin"],
    });
    log(`sending ${count} requests`);
    let peakBytes = 0;
    const look = async () => {
      peakBytes = Math.max(peakBytes, await api.rssBytes());
    };
    const onAnswer = async (index: number) => void (index % LOOK_EVERY === 0 && (await look()));
    const { sent, byStatus, slowestMs, failure } = await sendBadRequests({ url: api.url, adminKey, count, seed, onAnswer });
    await look();
    if (failure !== null) log(failure);
    const ready = await fetch(`${api.url}/readyz`).then(({ status }) => status);
    const errors = api.log.filter(({ level }) => level === "error").length;
    const { none: _none, ...byRoute } = sent;
    const fewest = Math.min(...Object.values(byRoute));
    const leastShare = isQuick ? 1 / count : LEAST_SHARE;
    const peakMib = peakBytes / MIB;
    return {
      redisVersion: await redisVersion(api.door.redis),
      figures: {
        requests: sum(Object.entries(byStatus)),
        routes: Object.keys(byRoute).length,
        fewest_requests_of_a_route: fewest,
        refused_share: sum(Object.entries(byStatus).filter(isRefusal)) / sum(Object.entries(byStatus)),
        slowest_ms: slowestMs,
        peak_rss_mib: peakMib,
        requests_by_route: sent,
        requests_by_status: byStatus,
      },
      claims: [
        {
          text: "requests that were answered with a 5xx, not in time, or otherwise than the document says",
          value: failure === null ? 0 : 1,
          passed: failure === null,
        },
        { text: "errors in the log of the API", value: errors, passed: errors === 0 },
        { text: "afterwards /readyz answers 200", value: ready, passed: ready === 200 },
        {
          text: `each route got at least ${leastShare} of the requests`,
          value: fewest / count,
          passed: fewest / count >= leastShare,
        },
        { text: `the API process held at most ${MOST_RSS_MIB} MiB`, value: peakMib, passed: peakMib <= MOST_RSS_MIB },
      ],
    };
  } finally {
    await api.close();
  }
}
