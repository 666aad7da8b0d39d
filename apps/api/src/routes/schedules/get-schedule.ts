import { schedulePath } from "../../params.ts";
import { route } from "../../route.ts";
import { findSchedule } from "../../schedules/find-schedule.ts";
import { scheduleView } from "../../schedules/schedule-view.ts";
import { scheduleSchema } from "../../schedules/schema.ts";

export const getSchedule = route({
  method: "get",
  path: "/v1/schedules/{id}",
  operationId: "getSchedule",
  summary: "Get a schedule",
  description:
    "With its next runs, and what became of its last one. The jobs of a schedule have its id as `metadata.schedule_id`.",
  tag: "schedules",
  request: { path: schedulePath },
  responses: { 200: { description: "The schedule.", schema: scheduleSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    const schedule = await findSchedule(services, { id: path.id, owner });
    return { status: 200, body: scheduleView(schedule, services.now()) };
  },
});
