import { expect, test } from "vitest";
import { createProgram } from "./program.ts";

function run(...args: string[]) {
  let output = "";
  const program = createProgram({ env: {}, entry: "" });
  program.exitOverride().configureOutput({ writeErr: (text) => (output += text), writeOut: (text) => (output += text) });
  return program.parseAsync(args, { from: "user" }).then(
    () => output,
    () => output,
  );
}

test("lists the commands in its help", async () => {
  const help = await run("--help");
  for (const name of ["dev", "api", "worker", "dispatcher"])
    expect(help).toMatch(new RegExp(`^ +${name}( \\[options\\])? +\\w`, "m"));
});

test("names an unknown command and the one that was probably meant", async () => {
  const output = await run("wroker");
  expect(output).toContain("unknown command 'wroker'");
  expect(output).toContain("Did you mean worker?");
});
