import { z } from "zod";
import { schedulePath } from "../../params.ts";
import { route } from "../../route.ts";
import { findSchedule } from "../../schedules/find-schedule.ts";

const deletedSchema = z
  .object({ id: z.string(), object: z.literal("schedule"), deleted: z.literal(true) })
  .meta({ id: "DeletedSchedule" });

export const deleteSchedule = route({
  method: "delete",
  path: "/v1/schedules/{id}",
  operationId: "deleteSchedule",
  summary: "Delete a schedule",
  description: "What it has started goes on.",
  tag: "schedules",
  request: { path: schedulePath },
  responses: { 200: { description: "Deleted.", schema: deletedSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    const { id } = await findSchedule(services, { id: path.id, owner });
    await services.store.schedules.remove({ id, owner });
    await services.timers.stop(id);
    return { status: 200, body: { id, object: "schedule", deleted: true } };
  },
});
