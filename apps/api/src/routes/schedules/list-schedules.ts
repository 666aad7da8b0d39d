import { z } from "zod";
import { listOf, listSchemaOf, requireCursor } from "../../list.ts";
import { intParam } from "../../params.ts";
import { route } from "../../route.ts";
import { scheduleView } from "../../schedules/schedule-view.ts";
import { scheduleSchema } from "../../schedules/schema.ts";

export const listSchedules = route({
  method: "get",
  path: "/v1/schedules",
  operationId: "listSchedules",
  summary: "List schedules",
  description: "The newest first.",
  tag: "schedules",
  request: {
    query: z.strictObject({
      limit: intParam(1, 100, 20),
      after: z.string().optional().meta({ description: "The `last_id` of the page before." }),
    }),
  },
  responses: { 200: { description: "One page of schedules.", schema: listSchemaOf(scheduleSchema, "ScheduleList") } },
  handle: async ({ query: { limit, after }, owner }, { store, now }) => {
    requireCursor("schedule", after);
    const { schedules, hasMore } = await store.schedules.list({ owner, limit, ...(after === undefined ? {} : { after }) });
    return {
      status: 200,
      body: listOf(
        schedules.map((schedule) => scheduleView(schedule, now())),
        hasMore,
      ),
    };
  },
});
