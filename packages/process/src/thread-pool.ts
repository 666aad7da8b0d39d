/**
 * Sizes libuv's thread pool, of which one half looks names up. By default that is two threads, and two names whose DNS hangs hold up
 * every other name, that of Redis among them. Comes before the first use of the pool, which loading a module is; a size
 * that is set already stays.
 */
export function sizeThreadPool(env: NodeJS.ProcessEnv, { lookups }: { lookups: number }): void {
  env["UV_THREADPOOL_SIZE"] ??= String(2 * lookups);
}
