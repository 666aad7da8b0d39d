import { idempotencyHeaders } from "../../params.ts";
import { route } from "../../route.ts";
import { createSchedule } from "../../schedules/create-schedule.ts";
import { scheduleView } from "../../schedules/schedule-view.ts";
import { createScheduleSchema, scheduleSchema } from "../../schedules/schema.ts";

export const createScheduleRoute = route({
  method: "post",
  path: "/v1/schedules",
  operationId: "createSchedule",
  summary: "Run a job or a batch again and again",
  description:
    "By a cron expression in a time zone. What is to run is checked as if it ran now. The same `Idempotency-Key` with the same body gives the same schedule.",
  tag: "schedules",
  request: { headers: idempotencyHeaders, body: createScheduleSchema },
  responses: { 201: { description: "The schedule.", schema: scheduleSchema } },
  errors: [404, 409],
  handle: async (call, services) => {
    const schedule = await createSchedule(call, services, call.body);
    return { status: 201, body: scheduleView(schedule, services.now()) };
  },
});
