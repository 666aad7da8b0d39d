import { AppError } from "@llamero/core";
import { openStorage } from "../src/index.ts";

/** Writes two megabytes into a folder and says what became of it: run where the system lets files grow less than that. */
const [, , folder = ""] = process.argv;
const storage = await openStorage({ LLAMERO_STORAGE: folder, DATA_DIR: "" });
async function* source() {
  for (let i = 0; i < 32; i++) yield Buffer.alloc(65_536);
}
const outcome = await storage.write("files/a", source()).then(
  () => "written",
  (error: unknown) => (error instanceof AppError ? error.code : String(error)),
);
process.stdout.write(outcome);
