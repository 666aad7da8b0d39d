import type { Logger, Metrics, Settings, Tracing } from "@llamero/process";
import type { DeliveryCarriers, DeliveryConsumerOptions } from "@llamero/queue";
import type { Store } from "@llamero/store";
import { AddressGuard, type AttemptMade, Deliverer, type NextAttempt, WebhookSecret } from "@llamero/webhooks";
import packageJson from "../package.json" with { type: "json" };
import { type Deliveries, startDeliveries } from "./deliveries.ts";
import type { Places } from "./places.ts";

export interface WebhooksOptions {
  config: Pick<
    Settings<"dispatcher">,
    "LLAMERO_WEBHOOK_SECRET" | "LLAMERO_WEBHOOK_ALLOW" | "LLAMERO_WEBHOOK_HTTP" | "LLAMERO_WEBHOOK_PORTS"
  >;
  store: Store;
  carriers: DeliveryCarriers;
  /** A connection of the role `blocking`. */
  connection: DeliveryConsumerOptions["connection"];
  /** Default: the schedule of Standard Webhooks. */
  plan?: (made: AttemptMade) => NextAttempt;
  places?: Places;
  metrics: Metrics;
  tracing: Tracing;
  logger: Logger;
  onStopped: (error: unknown) => void;
}

/** Starts delivering as the configuration says. @throws AppError `config_invalid` for a range that cannot be read */
export function startWebhooks({ config, ...options }: WebhooksOptions): Deliveries {
  return startDeliveries({
    ...options,
    deliverer: new Deliverer({
      guard: new AddressGuard({ allow: config.LLAMERO_WEBHOOK_ALLOW, ports: config.LLAMERO_WEBHOOK_PORTS }),
      allowHttp: config.LLAMERO_WEBHOOK_HTTP,
      version: packageJson.version,
    }),
    deploymentSecrets: config.LLAMERO_WEBHOOK_SECRET.map((secret) => WebhookSecret.parse(secret)),
  });
}
