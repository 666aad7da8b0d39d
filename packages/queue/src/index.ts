export { Carriers, type CarriersOptions } from "./carriers.ts";
export { type CarrierOutcome, Consumer, type ConsumerOptions } from "./consumer.ts";
export { DeliveryCarriers } from "./delivery-carriers.ts";
export { DeliveryConsumer, type DeliveryConsumerOptions } from "./delivery-consumer.ts";
export { type Lane, lanes } from "./queue-names.ts";
export { repairDeliveries } from "./repair-deliveries.ts";
export { repairWindow } from "./repair-window.ts";
export {
  type DueRun,
  nextRuns,
  ScheduleConsumer,
  type ScheduleConsumerOptions,
  ScheduleTimers,
  type Timing,
} from "./schedules.ts";
