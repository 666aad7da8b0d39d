import { AppError, isId, shorten } from "@llamero/core";
import type { StoredSchedule } from "@llamero/store";
import type { Services } from "../route.ts";

/** A schedule of an owner. @throws AppError `schedule_not_found` */
export async function findSchedule(
  { store }: Pick<Services, "store">,
  { id, owner }: { id: string; owner: string },
): Promise<StoredSchedule> {
  const schedule = isId("schedule", id) ? await store.schedules.get({ id, owner }) : null;
  if (schedule === null) throw new AppError("schedule_not_found", `There is no schedule ${shorten(id)}.`, { param: "id" });
  return schedule;
}
