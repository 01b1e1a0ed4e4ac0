/**
 * The gradients of normalisation, and of normalisation, addition and ReLU at once.
 *
 * With y = max(0, x̂·weight + bias + add), x̂ = (x − mean)·rstd, mean and rstd the moments of x, n = outer·inner, and
 *
 *   gz = gy where y > 0, else 0                          the gradient that ReLU lets through, also that of `add`
 *   gBias = Σ gz,  gWeight = Σ gz·x̂
 *   gx = weight·rstd·(gz − gBias/n − x̂·gWeight/n)
 *
 * Two passes: the sums, then gx. The mask is computed in both rather than stored in between, unless
 * somebody wants gz itself. Without ReLU, gz = gy. (normalize.ts has the layout, sums.ts the precision.)
 */
import type { NormGeometry } from "../geometry/normalize.ts";
import type { Floats } from "../memory.ts";
import { type Code, type Func, f32x4, get, type Local, set, v128 } from "./assembler.ts";
import type { Engine } from "./engine.ts";
import { constant } from "./exponential.ts";
import { groupsFunction } from "./loops.ts";
import { Records, SHORTEST_ROW } from "./normalize.ts";
import { worthIt } from "./worth.ts";

/** Gradients of `normalize` where mean and rstd are the moments of x itself; those that are null are not computed. */
export function normalizeGradient(
  engine: Engine,
  gy: Floats,
  x: Floats,
  mean: Floats,
  rstd: Floats,
  weight: Floats | null,
  gx: Floats | null,
  gWeight: Floats | null,
  gBias: Floats | null,
  g: NormGeometry,
): boolean {
  return gradients(engine, gy, null, x, mean, rstd, weight, gx, gWeight, gBias, null, g);
}

/** Gradients of `normalizeRelu`, y its result; gAdd → the gradient of `add`. */
export function normalizeReluGradient(
  engine: Engine,
  gy: Floats,
  y: Floats,
  x: Floats,
  mean: Floats,
  rstd: Floats,
  weight: Floats | null,
  gx: Floats | null,
  gWeight: Floats | null,
  gBias: Floats | null,
  gAdd: Floats | null,
  g: NormGeometry,
): boolean {
  return gradients(engine, gy, y, x, mean, rstd, weight, gx, gWeight, gBias, gAdd, g);
}

function gradients(
  engine: Engine,
  gy: Floats,
  y: Floats | null,
  x: Floats,
  mean: Floats,
  rstd: Floats,
  weight: Floats | null,
  gx: Floats | null,
  gWeight: Floats | null,
  gBias: Floats | null,
  gAdd: Floats | null,
  g: NormGeometry,
): boolean {
  const { outer, groups, inner } = g;
  if (inner < SHORTEST_ROW || !worthIt(gy, y, x, gx, gAdd)) return false;
  const first = y === null ? "plain" : gAdd ? "masks and stores" : "masks";
  // Where gz was stored, the second pass reads it.
  const second = first === "masks" ? "masks" : "plain";
  const { sumRows, gradientRows } = engine.program<"sumRows" | "gradientRows">(`normalize gradient ${first}`, () => [
    sumRowsFunction(first),
    gradientRowsFunction(second),
  ]);
  const n = outer * inner;
  return engine.run((call) => {
    const pgy = call.input(gy);
    const py = y ? call.input(y) : 0;
    const px = call.input(x);
    const pgx = gx ? call.output(gx) : 0;
    const pgAdd = gAdd ? call.output(gAdd) : 0;
    const sums = new Records(engine, call, groups, { numbers: 1, sums: 2 });
    for (let c = 0; c < groups; c++) sums.set(c, 0, mean[c]);
    sumRows(pgy, py, px, pgAdd, outer, groups, inner, sums.address);
    const records = new Records(engine, call, groups, { numbers: 4 });
    for (let c = 0; c < groups; c++) {
      const sum = sums.sum(c, 0);
      const product = sums.sum(c, 1) * rstd[c];
      if (gBias) gBias[c] = sum;
      if (gWeight) gWeight[c] = product;
      records.set(c, 0, mean[c]);
      records.set(c, 1, weight ? rstd[c] * weight[c] : rstd[c]);
      records.set(c, 2, sum / n);
      records.set(c, 3, (product / n) * rstd[c]);
    }
    if (gx) gradientRows(gAdd ? pgAdd : pgy, py, px, pgx, outer, groups, inner, records.address);
  });
}

type Mask = "plain" | "masks" | "masks and stores";

/** gz: gy, or 0 where y ≤ 0. At NaN the gradient passes, as in `relu`. */
function masked(mask: Mask, gy: Local, y: Local): Code {
  return mask === "plain" ? get(gy) : [get(gy), get(y), constant(0), f32x4.lessOrEqual, v128.andnot];
}

/** sumRows(gy, y, x, gz, outer, groups, inner, records of m): Σ gz and Σ gz·(x − m), and gz → where it is stored. */
function sumRowsFunction(mask: Mask): Func {
  return groupsFunction(
    "sumRows",
    {
      arrays: 4,
      reads: mask === "plain" ? [0, 2] : [0, 1, 2],
      writes: mask === "masks and stores" ? [3] : [],
      numbers: 1,
      sums: 2,
    },
    ({ x: [gy, y, x, gz], p: [m], terms: [gradient, product] }) => [
      set(gz, masked(mask, gy, y)),
      set(gradient, get(gz)),
      set(product, get(gz), get(x), get(m), f32x4.sub, f32x4.mul),
    ],
  );
}

/** gradientRows(gz, y, x, gx, outer, groups, inner, records): gx → scale·(gz − shift − (x − m)·slope). */
function gradientRowsFunction(mask: Mask): Func {
  return groupsFunction(
    "gradientRows",
    { arrays: 4, reads: mask === "plain" ? [0, 2] : [0, 1, 2], writes: [3], numbers: 4 },
    ({ x: [gz, y, x, gx], p: [m, scale, shift, slope] }) =>
      set(
        gx,
        [masked(mask, gz, y), get(shift), f32x4.sub],
        [get(x), get(m), f32x4.sub, get(slope), f32x4.mul, f32x4.sub],
        [get(scale), f32x4.mul],
      ),
  );
}
