/**
 * How soon a dead dispatcher's carriers are taken over: a lock lasts this long without renewal, and dead holders are looked for
 * this often, in milliseconds. After 7.5 s at most another has them.
 */
export const LOCK_MS = 5_000;
export const STALL_CHECK_MS = 2_500;
/** Before the next try when Redis has been away, in milliseconds. */
export const REST_MS = 1_000;
