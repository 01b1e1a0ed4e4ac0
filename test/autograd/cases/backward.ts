/** The one function of backward.ts that records: tap, an identity. */
import { tap } from "../../../src/autograd/backward.ts";
import type { OpCase } from "./types.ts";

export const cases: readonly OpCase[] = [
  { op: "tap", name: "x=[2,3]", inputs: [[2, 3]], call: (x) => tap(x, () => {}), linearIn: [0] },
];
