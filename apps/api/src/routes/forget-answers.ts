import { z } from "zod";
import { route } from "../route.ts";

const forgottenSchema = z
  .object({ object: z.literal("reuse.forgotten"), forgotten: z.int().nonnegative() })
  .meta({ id: "ForgottenAnswers" });

export const forgetAnswers = route({
  method: "delete",
  path: "/v1/admin/reuse",
  operationId: "forgetAnswers",
  summary: "Forget all answers that are kept to be given again",
  description: "Jobs keep theirs. What is counted stays.",
  tag: "admin",
  scope: "admin",
  responses: { 200: { description: "How many there were.", schema: forgottenSchema } },
  handle: async ({ by }, { store }) => {
    const forgotten = await store.reuse.forget(by);
    return { status: 200, body: { object: "reuse.forgotten", forgotten } };
  },
});
