import { AppError, type Job } from "@llamero/core";
import { seconds, usageOf } from "@llamero/openai";
import type { JobEvent } from "../event-position.ts";
import { errorAnswer } from "../http-errors.ts";
import type { Answer, Services } from "../route.ts";
import { type Accepted, abandon, type DoorCall, failureOf } from "../run-jobs.ts";
import { streamJobs } from "../stream-jobs.ts";

/** What an answer of one kind says while it comes. */
export interface ChunkForm {
  object: "chat.completion.chunk" | "text_completion";
  /** The choices of the chunk that begins an answer, none for no such chunk. */
  begin(index: number): object | null;
  text(index: number, text: string): object;
  /** What ends it. */
  end(index: number, job: Job): object[];
}

const frame = (data: object) => `data: ${JSON.stringify(data)}\n\n`;

interface StreamOptions {
  form: ChunkForm;
  includeUsage: boolean;
  answersPerPrompt: number;
  answerMs: number;
}

/** The jobs of a call as chunks of OpenAI's, while they run. */
class Chunks {
  readonly #jobs: readonly Job[];
  readonly #options: StreamOptions;
  readonly #ended: (Job | null)[];
  readonly #hasBegun = new Set<number>();

  constructor(jobs: readonly Job[], options: StreamOptions) {
    this.#jobs = jobs;
    this.#options = options;
    this.#ended = jobs.map(() => null);
  }

  get areAllEnded(): boolean {
    return this.#ended.every((job) => job !== null);
  }

  write(index: number, event: JobEvent): string {
    const { form } = this.#options;
    const begin = this.#hasBegun.has(index) ? null : form.begin(index);
    this.#hasBegun.add(index);
    const head = begin === null ? "" : this.#chunk([begin]);
    if (event.name === "delta") return event.data.text === "" ? head : head + this.#chunk([form.text(index, event.data.text)]);
    if (event.name !== "done") return event.data.text_reset ? frame(errorAnswer(lost()).body) : head;
    this.#ended[index] = event.data;
    if (event.data.status !== "succeeded") return frame(errorAnswer(failureOf(event.data, this.#options.answerMs)).body);
    return (
      head +
      form
        .end(index, event.data)
        .map((choice) => this.#chunk([choice]))
        .join("") +
      this.#last()
    );
  }

  #chunk(choices: object[], usage: object | null = null): string {
    const [first] = this.#jobs;
    if (first === undefined) return "";
    const { form, includeUsage } = this.#options;
    const head = { id: first.id, object: form.object, created: seconds(first.created_at), model: first.model };
    return frame({ ...head, choices, ...(includeUsage ? { usage } : {}) });
  }

  /** Behind the end of the last answer. */
  #last(): string {
    const jobs = this.#ended.filter((job) => job !== null);
    if (jobs.length < this.#jobs.length) return "";
    const { includeUsage, answersPerPrompt } = this.#options;
    return `${includeUsage ? this.#chunk([], usageOf(jobs, answersPerPrompt)) : ""}data: [DONE]\n\n`;
  }
}

const lost = () => new AppError("redis_unavailable", "Part of this answer was lost with Redis. Ask again.");
/** The answer of jobs under way, as it comes. A client that goes away cancels them. */
export function streamAnswer(
  call: DoorCall,
  services: Services,
  { jobs }: Accepted,
  form: Omit<StreamOptions, "answerMs">,
): Answer {
  const chunks = new Chunks(jobs, { ...form, answerMs: services.answerMs });
  return streamJobs(services, {
    streams: jobs.map(({ id }, index) =>
      services.events.follow({ id, owner: call.owner }, null, (event) => chunks.write(index, event)),
    ),
    hasEnded: () => chunks.areAllEnded,
    failure: (error) => frame(errorAnswer(error).body),
    abandon: () => abandon(call, services, jobs),
  });
}
