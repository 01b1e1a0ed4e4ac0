/**
 * Skipstone as a contender: a server in its own process. The variant is the tier, or an algorithm (tiers.ts), or `threads=2`:
 * the SIMD tier on so many.
 */
import { serve } from "./serve.ts";
import { subjectOf } from "./subjects.ts";
import { clearResidents, engine, threadedTier, tier } from "./tiers.ts";

/** Nobody reads it; it keeps work from being optimised away. */
let sink = 0;

await serve({
  version: () =>
    `Skipstone, Node ${process.versions.node}${engine?.features.multiplyAdd ? " (fused multiply-add)" : ""}`,
  prepare: async (work, variant = "simd") => {
    const threads = /^threads=(\d+)$/.exec(variant)?.[1];
    const kernels = threads === undefined ? tier(variant, false) : await threadedTier(Number(threads));
    const { run, result } = subjectOf(work, kernels);
    return {
      run: () => {
        run();
        sink += result();
      },
    };
  },
  clear: clearResidents,
});
process.exitCode = Number.isFinite(sink) ? 0 : 1;
