import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { type Health, type HealthCheckRequest, Jobs, ServingStatus } from "@llamero/grpc";
import type { Store } from "@llamero/store";

export interface HealthServiceOptions {
  store: Pick<Store, "ping">;
  /** Aborts when this process stops. */
  stopping: AbortSignal;
  /** How often a watcher's answer is looked at again, in milliseconds. Default: 1,000. */
  lookEveryMs?: number;
}

const LOOK_EVERY_MS = 1_000;

/** What can be asked for; '' is the server as a whole. */
const names = ["", Jobs.typeName];

/** gRPC's health checking protocol, by what `/readyz` goes by: Redis answers, and this process does not stop. */
export function healthService({
  store,
  stopping,
  lookEveryMs = LOOK_EVERY_MS,
}: HealthServiceOptions): ServiceImpl<typeof Health> {
  const look = async (): Promise<ServingStatus> => {
    if (stopping.aborted) return ServingStatus.NOT_SERVING;
    // That Redis does not answer is the answer, and other calls log it.
    return store.ping().then(
      () => ServingStatus.SERVING,
      () => ServingStatus.NOT_SERVING,
    );
  };
  return {
    check: async ({ service }) => {
      if (!names.includes(service)) throw new ConnectError("There is no service of this name here.", Code.NotFound);
      return { status: await look() };
    },
    list: async () => {
      const status = await look();
      return { statuses: Object.fromEntries(names.map((name) => [name, { status }])) };
    },
    watch: async function* ({ service }: HealthCheckRequest, { signal }) {
      const over = AbortSignal.any([signal, stopping]);
      let told: ServingStatus | null = null;
      for (;;) {
        const status = names.includes(service) ? await look() : ServingStatus.SERVICE_UNKNOWN;
        if (status !== told) yield { status };
        told = status;
        signal.throwIfAborted();
        if (stopping.aborted) throw new ConnectError("This API process is stopping.", Code.Unavailable);
        // It ends early by rejecting, and what to do then stands above.
        await delay(lookEveryMs, undefined, { signal: over }).catch(() => {});
      }
    },
  };
}
