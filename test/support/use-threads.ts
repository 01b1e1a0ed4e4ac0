/**
 * Runs every test file on several threads: `SKIPSTONE_TEST_THREADS=2 npm test`. The library itself reads no such variable.
 *
 * What asks for "simd" or "auto" then gets the tier whose kernels several threads divide.
 */
import { useThreads } from "../../src/tensor/threads.ts";

const asked = process.env.SKIPSTONE_TEST_THREADS;
if (asked !== undefined) {
  const { threads, why } = await useThreads(Number(asked));
  if (threads !== Number(asked)) throw new Error(`SKIPSTONE_TEST_THREADS=${asked}: ${threads} compute: ${why}`);
}
