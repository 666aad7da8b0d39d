import { batchRequestSchema, MESSAGES_PATH, messageCall } from "@llamero/anthropic";
import { AppError, parseJson, shorten, submitSchema, toJobRequest, validate } from "@llamero/core";
import { admitRouted } from "@llamero/store";
import { JSONParser } from "@streamparser/json";
import { checkJsonHeaders } from "../read-json.ts";
import type { Call, Services } from "../route.ts";

const REQUESTS = "$.requests.*";
/** A seed for the trial: which one it is changes nothing of what is taken. */
const ANY_SEED = 0;

/**
 * The requests of a message batch as lines of a batch's input, each checked as its call would check it: made as the body arrives, in
 * memory that does not grow with it.
 */
export async function* readRequests(
  { stream, headers, owner }: Pick<Call<unknown, unknown, unknown>, "stream" | "headers" | "owner">,
  services: Pick<Services, "models">,
): AsyncGenerator<Uint8Array> {
  checkJsonHeaders(headers);
  const seen = new Set<string>();
  let found: unknown[] = [];
  const parser = new JSONParser({ paths: [REQUESTS], keepStack: false });
  parser.onValue = ({ value }) => found.push(value);
  let index = 0;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const part of stream ?? []) {
    parse(parser, decoder, part);
    for (const value of found) {
      const line = await lineOf(value, { index: index++, seen, owner, services });
      yield Buffer.from(`${line}\n`);
    }
    found = [];
  }
  if (!parser.isEnded) throw new AppError("invalid_json", "The body is not valid JSON: it ends too early.");
  if (index === 0) throw new AppError("invalid_request", "Give requests, at least one.", { param: "requests" });
}

function parse(parser: JSONParser, decoder: InstanceType<typeof TextDecoder>, part: Uint8Array): void {
  try {
    parser.write(decoder.decode(part, { stream: true }));
  } catch (cause) {
    const said = cause instanceof Error ? shorten(cause.message) : "";
    throw new AppError("invalid_json", `The body is not valid JSON: ${said}`, { cause });
  }
}

interface Place {
  index: number;
  seen: Set<string>;
  owner: string;
  services: Pick<Services, "models">;
}

/** @throws AppError whose param begins with the request's place */
async function lineOf(value: unknown, { index, seen, owner, services }: Place): Promise<string> {
  try {
    // What nests too deep for us would for whoever reads the line.
    const request = validate(batchRequestSchema, parseJson(textOf(value), "The request"));
    const { custom_id, params } = request;
    if (seen.has(custom_id))
      throw new AppError("invalid_request", `custom_id: ${custom_id} is there already.`, { param: "custom_id" });
    seen.add(custom_id);
    for (const asked of messageCall.jobs(params)) {
      const body = validate(submitSchema, asked);
      admitRouted(await services.models.route(body.model, { jobId: "", owner }), toJobRequest(body, ANY_SEED), "messages");
    }
    return JSON.stringify({ custom_id, method: "POST", url: MESSAGES_PATH, body: params });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, message, param, cause } = error;
    throw new AppError(code, `requests.${index}: ${message}`, {
      param: `requests.${index}${param === null ? "" : `.${param}`}`,
      cause,
    });
  }
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch (cause) {
    throw new AppError("invalid_json", "It is nested too deeply.", { cause });
  }
}
