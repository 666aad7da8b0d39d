import { runProof } from "./prove/run-proof.ts";

// Not by itself: with sockets of thousands of requests behind it, Node 24.21 has been seen to spin in its clean-up for ever.
process.exit(await runProof(process.argv.slice(2), (line) => console.log(line)));
