import { cancelJob } from "./cancel-job.ts";
import { deleteJob } from "./delete-job.ts";
import { getJob } from "./get-job.ts";
import { livez, readyz } from "./health.ts";
import { listJobs } from "./list-jobs.ts";
import { listModels } from "./list-models.ts";
import { retryJob } from "./retry-job.ts";
import { submitJob } from "./submit-job.ts";

/** Every route of the native API: the app serves this list, the OpenAPI document describes it. */
export const routes = [submitJob, listJobs, getJob, cancelJob, retryJob, deleteJob, listModels, livez, readyz];
