/** Hooks that keep e-mail addresses from models and callers, and refuse prompts about a secret project. */
import type { Hooks, JobRequest } from "@llamero/core";

const ADDRESS = /[\w.+-]+@[\w-]+(\.[\w-]+)+/g;
const SECRET = /\bproject bluebird\b/i;

const redact = (text: string) => text.replace(ADDRESS, "[e-mail]");

/** The request with each of its texts changed. */
function withTexts(request: JobRequest, change: (text: string) => string): JobRequest {
  switch (request.type) {
    case "chat":
      return {
        ...request,
        messages: request.messages.map((message) =>
          typeof message.content === "string" ? { ...message, content: change(message.content) } : message,
        ),
      };
    case "completion":
      return { ...request, prompt: change(request.prompt) };
    case "embedding":
      return { ...request, input: request.input.map(change) };
    case "rerank":
      return { ...request, query: change(request.query), documents: request.documents.map(change) };
  }
}

const hooks: Hooks = {
  beforeAccept({ request }, { refuse }) {
    return withTexts(request, (text) => {
      if (SECRET.test(text)) refuse("Prompts may not speak of Project Bluebird. Leave it out.");
      return redact(text);
    });
  },
  afterFinish({ output }) {
    return output.text === undefined ? undefined : { ...output, text: redact(output.text) };
  },
};

export default hooks;
