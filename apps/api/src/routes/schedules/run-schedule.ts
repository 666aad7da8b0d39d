import { schedulePath } from "../../params.ts";
import { route } from "../../route.ts";
import { findSchedule } from "../../schedules/find-schedule.ts";
import { scheduleView } from "../../schedules/schedule-view.ts";
import { scheduleSchema } from "../../schedules/schema.ts";

export const runSchedule = route({
  method: "post",
  path: "/v1/schedules/{id}/run",
  operationId: "runSchedule",
  summary: "Run a schedule now",
  description: "Besides its times, also while it is paused; its overlap policy holds. `last_run` says what became of it.",
  tag: "schedules",
  request: { path: schedulePath },
  responses: { 202: { description: "It is run next.", schema: scheduleSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    const schedule = await findSchedule(services, { id: path.id, owner });
    await services.timers.ask(schedule.id);
    return { status: 202, body: scheduleView(schedule, services.now()) };
  },
});
