import { AsyncLocalStorage } from "node:async_hooks";

/** What a process works on at the moment, as its log lines and what it makes are to tell. */
export interface CurrentCall {
  /** The trace that it belongs to, in W3C's form; null: to none. */
  traceparent: string | null;
  requestId?: string;
}

const current = new AsyncLocalStorage<CurrentCall>();

/** Everything that the work does belongs to the call. */
export function during<T>(call: CurrentCall, work: () => T): T {
  return current.run(call, work);
}

/** Undefined: nothing that anybody has asked for. */
export function currentCall(): CurrentCall | undefined {
  return current.getStore();
}
