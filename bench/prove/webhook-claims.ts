import type { Delivery } from "@llamero/core";
import type { DispatcherKiller } from "./dispatcher-killer.ts";
import type { Claim } from "./report.ts";
import type { WebhookLedger } from "./webhook-ledger.ts";

/** Share of requests that the receiver fails. */
export const FAILING = 0.3;
/** How far from it chance may take a short run. */
const FAILING_WITHIN = 0.08;
/** Longest time from one kill to the next, on average, in milliseconds: three seconds and a bit; more beside other tests. */
const MOST_BETWEEN_KILLS_MS = { full: 3_500, quick: 15_000 };

export interface Evidence {
  /** What the receivers have seen. */
  ledger: WebhookLedger;
  /** What the log says. */
  deliveries: readonly Delivery[];
  unverified: number;
  /** Deliveries that there have to be. */
  expected: number;
  isQuick: boolean;
  killer: Pick<DispatcherKiller, "kills" | "killingMs">;
}

export function figuresOf({ ledger, deliveries, killer }: Evidence): Record<string, number> {
  return {
    deliveries: deliveries.length,
    requests: ledger.requests,
    requests_failed: ledger.failed,
    connections_dropped: ledger.dropped,
    dispatchers_killed: killer.kills,
    attempts_logged: attemptsOf(deliveries).length,
    attempts_refused: withError(deliveries, "refused"),
    attempts_broken_off: withError(deliveries, "reset"),
    attempts_interrupted: withError(deliveries, "interrupted"),
    most_attempts: Math.max(...deliveries.map((delivery) => delivery.attempts.length)),
    taken_more_than_once: ledger.takenTwice,
  };
}

export function claimsOf(evidence: Evidence): Claim[] {
  return [...promises(evidence), ...adversities(evidence)];
}

function promises({ ledger, deliveries, unverified, expected }: Evidence): Claim[] {
  const none = (text: string, value: number): Claim => ({ text, value, passed: value === 0 });
  return [
    none("events that a receiver did not get", expected - ledger.arrived),
    none("events that a receiver got under more than one id", ledger.withSeveralIds),
    none("ids that stand for more than one event", ledger.sharedIds),
    none("requests that the standardwebhooks package does not verify", unverified),
    none("deliveries that are missing in the log or not delivered by it", expected - deliveries.filter(isDelivered).length),
    none(
      "deliveries whose log does not account for each request, or has an answer that was not given",
      deliveries.filter((delivery) => !ledger.accountsFor(delivery)).length,
    ),
  ];
}

/** A run in which nothing went wrong would prove nothing. */
function adversities({ ledger, deliveries, killer, isQuick }: Evidence): Claim[] {
  const some = (text: string, value: number): Claim => ({ text, value, passed: value > 0 });
  const share = ledger.failed / ledger.requests;
  const betweenMs = killer.killingMs / killer.kills;
  const mostMs = isQuick ? MOST_BETWEEN_KILLS_MS.quick : MOST_BETWEEN_KILLS_MS.full;
  return [
    { text: `share of requests that failed: about ${FAILING}`, value: share, passed: Math.abs(share - FAILING) < FAILING_WITHIN },
    some("connections that the receiver dropped", ledger.dropped),
    some("attempts while the receiver was down", withError(deliveries, "refused")),
    some("attempts that a SIGKILL interrupted", withError(deliveries, "interrupted")),
    { text: `milliseconds from one SIGKILL to the next: less than ${mostMs}`, value: betweenMs, passed: betweenMs < mostMs },
  ];
}

const attemptsOf = (deliveries: readonly Delivery[]) => deliveries.flatMap((delivery) => delivery.attempts);

function withError(deliveries: readonly Delivery[], code: string): number {
  return attemptsOf(deliveries).filter(({ error }) => error?.code === code).length;
}

const isDelivered = ({ status, attempts }: Delivery) => status === "delivered" && attempts.at(-1)?.error === null;
