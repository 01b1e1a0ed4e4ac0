/** The time, to tell how long something took: nothing is computed from it. */

/** Milliseconds; accurate to the microsecond where the platform has such a clock. */
export const clock: { now(): number } = (globalThis as { performance?: { now(): number } }).performance ?? Date;
