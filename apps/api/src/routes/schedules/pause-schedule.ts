import { schedulePath } from "../../params.ts";
import { route } from "../../route.ts";
import { findSchedule } from "../../schedules/find-schedule.ts";
import { scheduleView } from "../../schedules/schedule-view.ts";
import { scheduleSchema } from "../../schedules/schema.ts";

export const pauseSchedule = route({
  method: "post",
  path: "/v1/schedules/{id}/pause",
  operationId: "pauseSchedule",
  summary: "Pause a schedule",
  description: "It falls due no more; what runs goes on.",
  tag: "schedules",
  request: { path: schedulePath },
  responses: { 200: { description: "The schedule.", schema: scheduleSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    const { id } = await findSchedule(services, { id: path.id, owner });
    await services.store.schedules.setPaused({ id, owner }, true);
    await services.timers.stop(id);
    return { status: 200, body: scheduleView(await findSchedule(services, { id, owner }), services.now()) };
  },
});
