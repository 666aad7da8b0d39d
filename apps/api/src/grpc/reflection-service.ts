import type { DescService } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { createReflection, type ServerReflection, type ServerReflectionAlpha } from "@llamero/grpc";

/** The two versions of gRPC's reflection protocol, which differ in their names alone. */
export function reflectionServices(services: readonly DescService[]): {
  v1: ServiceImpl<typeof ServerReflection>;
  v1alpha: ServiceImpl<typeof ServerReflectionAlpha>;
} {
  const answer = createReflection(services);
  return {
    v1: {
      serverReflectionInfo: async function* (requests) {
        for await (const request of requests)
          yield { validHost: request.host, originalRequest: request, messageResponse: answer(request.messageRequest) };
      },
    },
    v1alpha: {
      serverReflectionInfo: async function* (requests) {
        for await (const request of requests)
          yield { validHost: request.host, originalRequest: request, messageResponse: answer(request.messageRequest) };
      },
    },
  };
}
