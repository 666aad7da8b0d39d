import { flushCompileCache } from "node:module";

/** A process has read what it is made of by then, in milliseconds. */
const STARTED_MS = 2_000;

/**
 * To be imported first by processes that start again and again and are killed: what Node has compiled is kept (`NODE_COMPILE_CACHE`)
 * without waiting for an orderly end. Without it, starting them takes most of two cores.
 */
setTimeout(() => flushCompileCache(), STARTED_MS).unref();
