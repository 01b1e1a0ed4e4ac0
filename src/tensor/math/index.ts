/**
 * `exp`, `log`, `log1p`, `tanh`, `sin`, `cos` and `pow` with the same bits on every platform.
 *
 * ECMAScript leaves the last bits of `Math.exp` and its relatives, and of `**`, to each engine, and engines make use of it:
 * V8 changed the bits of `**` between Node 22 and 24, and those of `Math.exp` in one value of ten after Node 26. What must
 * come out equal everywhere, such as random numbers and everything the plain tier computes, is made of what IEEE 754 rounds
 * exactly: + − × ÷ and `Math.sqrt`, with comparisons and whole numbers. A test reads all of `src/` for anything else
 * (test/project/same-bits.test.ts).
 *
 * The methods are those of fdlibm, whose bits for exp, log, sin and cos Node has had in every version from 20 to 26: seeds
 * keep their numbers. Measured against 200 digits, nothing is off by as much as a unit in the last place
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
