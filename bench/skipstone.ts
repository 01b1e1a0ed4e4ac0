/** Skipstone as a contender: a server in its own process. The variant is the tier, or an algorithm (tiers.ts). */
import { serve } from "./serve.ts";
import { subjectOf } from "./subjects.ts";
import { clearResidents, engine, tier } from "./tiers.ts";

/** Nobody reads it; it keeps work from being optimised away. */
let sink = 0;

await serve({
  version: () =>
    `Skipstone, Node ${process.versions.node}${engine?.features.multiplyAdd ? " (fused multiply-add)" : ""}`,
  prepare: (work, variant = "simd") => {
    const { run, result } = subjectOf(work, tier(variant, false));
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
