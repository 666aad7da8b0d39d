import type { Harness } from "./harness.ts";
import type { Provocations, Request } from "./provocations.ts";

/** Requests that make each status of the routes of files and batches come about. */
export function fileProvocations(
  api: Harness,
  withBody: (path: string, body?: object, headers?: Record<string, string>) => Request,
): Provocations {
  const upload = (content = "x", headers: Record<string, string> = {}): Request => ({
    method: "POST",
    path: "/v1/files",
    headers: { "content-type": "multipart/form-data; boundary=b", ...headers },
    body: [
      '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n',
      `--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n${content}\r\n--b--\r\n`,
    ].join(""),
  });
  async function made(request: Request): Promise<string> {
    return ((await (await api.request(request.path, request)).json()) as { id: string }).id;
  }
  const file = () => made(upload());
  async function wanted(over: object = {}) {
    return { input_file_id: await file(), endpoint: "/v1/embeddings", completion_window: "24h", ...over };
  }
  const batch = async () => made(withBody("/v1/batches", await wanted()));
  const noFile = `/v1/files/file_${"0".repeat(26)}`;
  const noBatch = `/v1/batches/batch_${"0".repeat(26)}`;
  async function endedBatch(): Promise<string> {
    const id = await batch();
    const [claim] = await api.store.batches.held.claim(10);
    if (claim === undefined) throw new Error("nothing to claim");
    await api.store.batches.held.end(claim, "failed");
    return id;
  }

  return {
    createFile: {
      200: () => upload(),
      409: async () => {
        await made(upload("x", { "idempotency-key": "k" }));
        return upload("y", { "idempotency-key": "k" });
      },
      413: () => upload("x", { "content-length": "20000000" }),
      415: () => upload("x", { "content-type": "application/json" }),
    },
    listFiles: {
      200: async () => {
        await file();
        return { method: "GET", path: "/v1/files" };
      },
    },
    getFile: {
      200: async () => ({ method: "GET", path: `/v1/files/${await file()}` }),
      404: () => ({ method: "GET", path: noFile }),
    },
    getFileContent: {
      200: async () => ({ method: "GET", path: `/v1/files/${await file()}/content` }),
      404: () => ({ method: "GET", path: `${noFile}/content` }),
    },
    deleteFile: {
      200: async () => ({ method: "DELETE", path: `/v1/files/${await file()}` }),
      404: () => ({ method: "DELETE", path: noFile }),
      409: async () => {
        const { input_file_id, ...rest } = await wanted();
        await made(withBody("/v1/batches", { input_file_id, ...rest }));
        return { method: "DELETE", path: `/v1/files/${input_file_id}` };
      },
    },
    createBatch: {
      200: async () => withBody("/v1/batches", await wanted({ metadata: { a: "b" } })),
      404: async () => withBody("/v1/batches", await wanted({ input_file_id: `file_${"0".repeat(26)}` })),
      409: async () => withBody("/v1/batches", await wanted({ reuse_batch_id: await batch() })),
      413: () => withBody("/v1/batches", {}, { "content-length": "20000000" }),
      415: () => withBody("/v1/batches", {}, { "content-type": "text/plain" }),
    },
    listBatches: {
      200: async () => {
        await batch();
        return { method: "GET", path: "/v1/batches" };
      },
    },
    getBatch: {
      200: async () => ({ method: "GET", path: `/v1/batches/${await batch()}` }),
      404: () => ({ method: "GET", path: noBatch }),
    },
    cancelBatch: {
      200: async () => ({ method: "POST", path: `/v1/batches/${await batch()}/cancel` }),
      404: () => ({ method: "POST", path: `${noBatch}/cancel` }),
    },
    retryBatch: {
      200: async () => ({ method: "POST", path: `/v1/batches/${await endedBatch()}/retry` }),
      404: () => ({ method: "POST", path: `${noBatch}/retry` }),
      409: async () => ({ method: "POST", path: `/v1/batches/${await batch()}/retry` }),
    },
  };
}
