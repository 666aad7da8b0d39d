import { createIds, type Ids } from "./ids.ts";
import { JobEvents, type JobEventsOptions } from "./job-events.ts";
import { ModelLookup } from "./model-lookup.ts";
import type { Services } from "./route.ts";

type Made = "models" | "events" | "newJobId" | "newFileId" | "newBatchId" | "newScheduleId";

/** What an API process opens, from which the rest of its services is made. */
export interface ServiceParts extends Omit<Services, Made>, Pick<JobEventsOptions, "heartbeatMs"> {
  /** Milliseconds from whenever on; never goes back. */
  elapsedMs: () => number;
}

/** The services of an API process, and the ids that it gives to requests. */
export function createServices({ elapsedMs, heartbeatMs, ...parts }: ServiceParts): {
  services: Services;
  newRequestId: Ids["request"];
} {
  const { store, notifications, settings, logger, now } = parts;
  const ids = createIds({ now, cell: store.cell });
  const services: Services = {
    ...parts,
    models: new ModelLookup(store, elapsedMs, () => settings.current.aliases),
    events: new JobEvents({ store, notifications, logger, ...(heartbeatMs === undefined ? {} : { heartbeatMs }) }),
    newJobId: ids.job,
    newFileId: ids.file,
    newBatchId: ids.batch,
    newScheduleId: ids.schedule,
  };
  return { services, newRequestId: ids.request };
}
