import { runProof } from "./prove/run-proof.ts";

process.exitCode = await runProof(process.argv.slice(2), (line) => console.log(line));
