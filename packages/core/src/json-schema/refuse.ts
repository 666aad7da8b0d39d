import { AppError } from "../errors.ts";

/** @throws AppError `unsupported_schema`, always; `at` is the path of what is at fault */
export function refuse(at: string, why: string): never {
  throw new AppError("unsupported_schema", `${at} ${why}`, { param: at });
}
