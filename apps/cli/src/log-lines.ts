import { styleText } from "node:util";
import { prettyFactory } from "pino-pretty";

type Colour = "cyan" | "magenta" | "yellow" | "green" | "blue";

const colours: Readonly<Record<string, Colour>> = {
  dev: "green",
  api: "cyan",
  worker: "magenta",
  dispatcher: "yellow",
  redis: "blue",
};

const nameWidth = Math.max(...Object.keys(colours).map((name) => name.length));

export interface LogLinesOptions {
  readonly write: (text: string) => void;
  readonly colour: boolean;
}

/** Prints the lines of several processes as one log: pino's JSON made readable, each line behind its process's name. */
export function createLogLines({ write, colour }: LogLinesOptions): (name: string, line: string) => void {
  const pretty = prettyFactory({
    colorize: colour,
    singleLine: true,
    translateTime: "SYS:HH:MM:ss",
    ignore: "pid,hostname,name",
  });
  return (name, line) => {
    const label = `${name.padEnd(nameWidth)} │ `;
    const prefix = colour ? styleText(colours[name] ?? "green", label, { validateStream: false }) : label;
    const text = readable(pretty, line);
    if (text !== "") write(text.replace(/^/gm, prefix).concat("\n"));
  };
}

function readable(pretty: (line: string) => string, line: string): string {
  if (!line.startsWith('{"level":')) return line.trimEnd();
  return pretty(line).trimEnd();
}
