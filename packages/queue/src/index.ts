export { Carriers, type CarriersOptions } from "./carriers.ts";
export { type CarrierOutcome, Consumer, type ConsumerOptions } from "./consumer.ts";
export { repairWindow } from "./repair-window.ts";
