/**
 * The gradients of normalisation, and of normalisation and ReLU at once.
 *
 * With z = max(0, x̂·weight + bias + add), x̂ = (x − mean)·rstd, mean and rstd the moments of x, n = outer·inner, and
 *
 *   gz = gy where z > 0, else 0                          what ReLU lets through: also the gradient of `add`
 *   gBias = Σ gz,  gWeight = Σ gz·x̂
 *   gx = weight·rstd·(gz − gBias/n − x̂·gWeight/n)
 *
 * Two passes: gz and the sums, then gx. Without ReLU, gz = gy. (norm.ts has the layout, sums.ts the precision.)
 */
import type { NormGeometry } from "../geometry/norm.ts";
import type { NormGradients, PerGroup } from "../kernels.ts";
import type { Floats } from "../memory.ts";
import { addListsFunction, eachRow, inTwoPasses, sumGroups } from "./groups.ts";
import { groupsFunction } from "./loops.ts";
import { fitsFloat32, SHORTEST_ROW } from "./norm.ts";
import { Records } from "./records.ts";
import { LARGE } from "./sums.ts";
import { constant, type Func, f32x4, get, set, v128 } from "./wasm/assembler.ts";
import type { Engine } from "./wasm/engine.ts";
import { worthIt } from "./worth.ts";

/** Gradients of `normalize` where mean and rstd are the moments of x itself; null ones are not computed. */
export function normalizeGradient(
  engine: Engine,
  gy: Floats,
  x: Floats,
  by: PerGroup<Floats>,
  to: NormGradients<Floats>,
  g: NormGeometry,
): boolean {
  return gradients(engine, gy, null, x, by, to, g);
}

/** gz → the gradient before z = max(0, …), and the gradients of `normalize` for it. */
export function normalizeReluGradient(
  engine: Engine,
  gy: Floats,
  z: Floats,
  x: Floats,
  by: PerGroup<Floats>,
  gz: Floats,
  to: NormGradients<Floats>,
  g: NormGeometry,
): boolean {
  return gradients(engine, gy, { z, gz }, x, by, to, g);
}

function gradients(
  engine: Engine,
  gy: Floats,
  relu: { readonly z: Floats; readonly gz: Floats } | null,
  x: Floats,
  { mean, rstd, weight }: PerGroup<Floats>,
  to: NormGradients<Floats>,
  g: NormGeometry,
): boolean {
  const { outer, groups, inner } = g;
  // z and gz do not count: the bits must not depend on whether ReLU's gradient is computed here or beforehand.
  if (inner < SHORTEST_ROW || !worthIt(gy, x, to.x)) return false;
  const two = inTwoPasses(engine, g);
  const key = `normalize gradient${relu ? " relu" : ""}${two ? " in two passes" : ""}`;
  const program = engine.program<"sumRows" | "gradientRows" | "addLists">(key, () => [
    sumRowsFunction(relu !== null, two),
    gradientRowsFunction(),
    ...(two ? [addListsFunction(2)] : []),
  ]);
  const n = outer * inner;
  let fits = true;
  const ran = engine.run((call) => {
    const sums = new Records(engine, call, groups, { numbers: 1, sums: 2 });
    for (let c = 0; c < groups; c++) sums.set(c, 0, mean[c]);
    const arrays = [gy, relu?.z ?? null, x, relu?.gz ?? null];
    sumGroups(call, program.sumRows, two ? program.addLists : null, g, arrays, relu ? [3] : [], sums, 2);
    const records = new Records(engine, call, groups, { numbers: 4 });
    for (let c = 0; c < groups; c++) {
      const sum = sums.sum(c, 0);
      const products = sums.sum(c, 1);
      const product = products * rstd[c];
      const scale = weight ? rstd[c] * weight[c] : rstd[c];
      // Products of small numbers may have vanished that a large rstd would have brought back.
      const vanished = rstd[c] > 2 ** 20 && Math.abs(products) < 1 / LARGE;
      if (!(Math.abs(sum) < LARGE && Math.abs(product) < LARGE) || vanished || !fitsFloat32(mean[c], rstd[c], scale)) {
        fits = false;
      }
      if (to.bias) to.bias[c] = sum;
      if (to.weight) to.weight[c] = product;
      records.set(c, 0, mean[c]);
      records.set(c, 1, scale);
      records.set(c, 2, sum / n);
      records.set(c, 3, (product / n) * rstd[c]);
    }
    if (to.x && fits) eachRow(call, program.gradientRows, g, [relu ? relu.gz : gy, x, to.x], [2], records);
  });
  return ran && fits;
}

/**
 * sumRows(gy, z, x, gz, outer, groups, inner, records of m): gz → gy where z > 0, if `masks`; Σ gz and Σ gz·(x − m).
 */
function sumRowsFunction(masks: boolean, lists: boolean): Func {
  return groupsFunction(
    "sumRows",
    { arrays: 4, reads: masks ? [0, 1, 2] : [0, 2], writes: masks ? [3] : [], numbers: 1, sums: 2 },
    ({ x: [gy, z, x, gz], p: [m], terms: [gradient, product] }) => [
      // The gradient passes at NaN, as in `relu`.
      set(gz, get(gy), masks ? [get(z), constant(0), f32x4.lessOrEqual, v128.andnot] : []),
      set(gradient, get(gz)),
      set(product, get(gz), get(x), get(m), f32x4.sub, f32x4.mul),
    ],
    lists,
  );
}

/** gradientRows(gz, x, gx, outer, groups, inner, records): gx → scale·(gz − shift − (x − m)·slope). */
function gradientRowsFunction(): Func {
  return groupsFunction(
    "gradientRows",
    { arrays: 3, reads: [0, 1], writes: [2], numbers: 4 },
    ({ x: [gz, x, gx], p: [m, scale, shift, slope] }) =>
      set(
        gx,
        [get(gz), get(shift), f32x4.sub],
        [get(x), get(m), f32x4.sub, get(slope), f32x4.mul, f32x4.sub],
        [get(scale), f32x4.mul],
      ),
  );
}
