import { AppError } from "./errors.ts";

const PARAMS = "params.";

/** An error of a job's, in the words of a body that has the job's params at its top. */
export function paramsAtTop(error: AppError): AppError {
  const { code, message, param, retryAfterSeconds, cause } = error;
  const told = retryAfterSeconds === null ? {} : { retryAfterSeconds };
  return new AppError(code, message.replaceAll(PARAMS, ""), { param: param?.replace(PARAMS, "") ?? null, cause, ...told });
}
