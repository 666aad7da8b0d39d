/** Something that setup cannot do itself; its message ends with the commands that help. */
export class SetupError extends Error {}

/** Ends setup with what is wrong and the commands that help, one per line. */
export function fail(problem, ...commands) {
  const again = `npm ${{ prestart: "start", pretest: "test" }[process.env.npm_lifecycle_event ?? ""] ?? "start"}`;
  const next = [...commands, again].map((command) => `  ${command}`).join("\n");
  throw new SetupError(`${problem}\n\nNext:\n\n${next}`);
}

export function say(text) {
  process.stdout.write(`setup: ${text}\n`);
}
