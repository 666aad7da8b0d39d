import { schedulePath } from "../../params.ts";
import { route } from "../../route.ts";
import { findSchedule } from "../../schedules/find-schedule.ts";
import { scheduleView } from "../../schedules/schedule-view.ts";
import { scheduleSchema } from "../../schedules/schema.ts";

export const resumeSchedule = route({
  method: "post",
  path: "/v1/schedules/{id}/resume",
  operationId: "resumeSchedule",
  summary: "Resume a schedule",
  description: "It falls due again, the next time from now on. What it has missed is not made up for.",
  tag: "schedules",
  request: { path: schedulePath },
  responses: { 200: { description: "The schedule.", schema: scheduleSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    const { id, cron, timezone } = await findSchedule(services, { id: path.id, owner });
    await services.store.schedules.setPaused({ id, owner }, false);
    await services.timers.start(id, { cron, timezone });
    return { status: 200, body: scheduleView(await findSchedule(services, { id, owner }), services.now()) };
  },
});
