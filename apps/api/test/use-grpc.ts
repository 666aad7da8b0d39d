import { afterAll, beforeAll } from "vitest";
import { GrpcClient } from "./grpc-client.ts";
import { type ApiOptions, type Harness, useApi } from "./harness.ts";

export interface GrpcHarness extends Harness {
  /** Where gRPC is served. */
  grpcUrl: string;
  grpc: GrpcClient;
  /** A client that shows this key with every call. */
  as(key: string): GrpcClient;
}

/** As `useApi`, with gRPC and a stock client of it. */
export function useGrpc(options: ApiOptions = {}): GrpcHarness {
  const harness = useApi(options) as GrpcHarness;
  const clients: GrpcClient[] = [];
  const open = (key: string | null = null): GrpcClient => {
    const client = new GrpcClient(harness.grpcUrl, key);
    clients.push(client);
    return client;
  };
  beforeAll(async () => {
    harness.grpcUrl = (await harness.listenGrpc()).url;
    harness.grpc = open();
    harness.as = open;
  });
  afterAll(() => {
    for (const client of clients) client.close();
  });
  return harness;
}
