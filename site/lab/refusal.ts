/** What the library refuses to make, in its own words. */
import { SkipstoneError } from "skipstone";
import { makeModel } from "./network.ts";
import type { Run, Side } from "./state.ts";

/**
 * Why this network cannot be made: the library's sentence, without the name of the function that says it. Null if it can be
 * made. Asked of the shallowest network of the kind, which is refused for the same reasons.
 *
 * @example
 * refusal(run, { ...run.b, start: "fixup" }); // `start "fixup" needs a shortcut: …`
 */
export function refusal(run: Run, side: Side): string | null {
  try {
    makeModel({ ...run, depth: 8 }, side);
    return null;
  } catch (error) {
    if (!(error instanceof SkipstoneError)) throw error;
    return error.message.replace(/^\w+: /, "");
  }
}
