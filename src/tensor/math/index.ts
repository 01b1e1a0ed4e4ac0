/**
 * `exp`, `log`, `log1p`, `tanh`, `sin`, `cos` and `pow` with the same bits on every platform.
 *
 * ECMAScript leaves the last bits of `Math.exp` and its relatives, and of `**`, to each engine, and engines use this
 * freedom: V8 changed the bits of `**` between Node 22 and 24, and those of `Math.exp` in one value of ten after Node
 * 26. Results that must be equal everywhere, such as random numbers and everything the plain tier computes, use only
 * operations that IEEE 754 rounds exactly: + − × ÷ and `Math.sqrt`, with comparisons and whole numbers. A test searches
 * all of `src/` for anything else (test/project/same-bits.test.ts).
 *
 * The methods are fdlibm's. Node has had fdlibm's bits for exp, log, sin and cos in every version from 20 to 26, so
 * seeds keep their numbers. Measured against 200 digits, no result is off by as much as a unit in the last place
 * (test/tensor/math/math.test.ts).
 *
 * fdlibm's notice: Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Developed at SunSoft, a Sun
 * Microsystems, Inc. business. Permission to use, copy, modify, and distribute this software is freely granted, provided
 * that this notice is preserved.
 */

export { cos, sin } from "./circular.ts";
export { exp } from "./exponential.ts";
export { log, log1p } from "./logarithm.ts";
export { sigmoid, softplus } from "./logistic.ts";
export { pow } from "./power.ts";
export { tanh } from "./tangent.ts";
