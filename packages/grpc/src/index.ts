export { grpcCode } from "./codes.ts";
export { ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
export {
  Health,
  type HealthCheckRequest,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "./gen/grpc/health/v1/health_pb.js";
export { ServerReflection } from "./gen/grpc/reflection/v1/reflection_pb.js";
export { ServerReflection as ServerReflectionAlpha } from "./gen/grpc/reflection/v1alpha/reflection_pb.js";
export {
  type CancelRequest,
  CancelRequestSchema,
  type GetRequest,
  GetRequestSchema,
  JobSchema,
  Jobs,
  StatusChangeSchema,
  type SubmitRequest,
  SubmitRequestSchema,
  SubmitResultSchema,
  TextDeltaSchema,
  WatchEventSchema,
  type WatchRequest,
  WatchRequestSchema,
} from "./gen/llamero/v1/jobs_pb.js";
export { initOf } from "./message-init.ts";
export { plainOf } from "./plain.ts";
export { createReflection, type ReflectionAnswer, type ReflectionQuestion } from "./reflection.ts";
export { readSubmission, type Submission } from "./submission.ts";
