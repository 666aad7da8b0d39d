/** The life of a job as data: every legal transition, and nothing else (docs/state-machine.md draws it). */
export const transitions = {
  scheduled: ["queued", "cancelled", "expired"],
  queued: ["running", "succeeded", "cancelled", "expired"],
  running: ["queued", "succeeded", "failed", "cancelled", "expired"],
  succeeded: [],
  failed: [],
  cancelled: [],
  expired: [],
} as const satisfies Record<string, readonly string[]>;

export type JobStatus = keyof typeof transitions;

export const jobStatuses = Object.keys(transitions) as [JobStatus, ...JobStatus[]];

export const terminalStatuses = ["succeeded", "failed", "cancelled", "expired"] as const;
export type TerminalStatus = (typeof terminalStatuses)[number];

export function isTerminal(status: JobStatus): status is TerminalStatus {
  return transitions[status].length === 0;
}

export function canMove(from: JobStatus, to: JobStatus): boolean {
  return (transitions[from] as readonly JobStatus[]).includes(to);
}
