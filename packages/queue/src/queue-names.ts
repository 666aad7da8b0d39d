/** The BullMQ queue of a model's carriers. */
export function inferenceQueue(slug: string): string {
  return `inference.${slug}`;
}

/** The BullMQ queue of webhook deliveries. */
export const DELIVERY_QUEUE = "deliveries";
