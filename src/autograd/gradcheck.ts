/**
 * Checks a hand-written derivative against the definition of the derivative.
 *
 * For y = f(x), a random direction d and a random upstream gradient u, the scalar s(x) = ⟨u, f(x)⟩ has the directional
 * derivative ⟨∇s, d⟩; the central difference (s(x + εd) − s(x − εd)) / 2ε gives it up to O(ε²). A random u matters:
 * with all ones, a gradient that lands at the wrong index still adds up. After HIPS/autograd, test_util.py.
 */
import { checkFunction, checkInteger, checkList, checkNumberIn, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { UsageError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { isTensor, owned, peek, type Tensor } from "../tensor/tensor.ts";
import { backward } from "./backward.ts";
import { noGrad } from "./graph.ts";

/** Options of `gradcheck`. */
export interface GradcheckOptions {
  seed?: number;
  /** Step of the central difference, relative to inputs of order 1. Default 1e-6. */
  epsilon?: number;
  /** Random pairs of direction and upstream gradient per input. Default 3. */
  directions?: number;
}

const NAMES: OptionNames<GradcheckOptions> = { seed: true, epsilon: true, directions: true };

/**
 * The largest relative error of `f`'s gradients over all inputs: about 1e-7 or less in float64 when they are right.
 *
 * @param f any function of tensors built from operations; called with float64 copies of `inputs`.
 * @param inputs tensors to differentiate; keep them away from kinks, where no derivative exists.
 *
 * @example
 * const x = randn([2, 3], new Rng(0));
 * gradcheck((t) => sum(mul(t, sigmoid(t))), [x]) < 1e-6; // true
 */
export function gradcheck(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): number {
  checkFunction("gradcheck", "f", f);
  checkList("gradcheck", "inputs", inputs);
  if (inputs.length === 0) throw new UsageError("gradcheck: needs at least one tensor to check");
  checkOptions("gradcheck", options, NAMES);
  const { seed = 0, epsilon = 1e-6, directions = 3 } = options;
  checkInteger("gradcheck", "seed", seed);
  checkNumberIn("gradcheck", "epsilon", epsilon, "a finite number above 0", (n) => n > 0 && n < Infinity);
  checkWhole("gradcheck", "directions", directions);
  const rng = new Rng(seed);
  inputs.forEach((t, i) => {
    checkTensor("gradcheck", `inputs[${i}]`, t);
  });
  const points = inputs.map((t) => owned(Float64Array.from(peek(t)), t.shape, true));
  const y = f(...points);
  checkResult("gradcheck", y);
  let worst = 0;
  for (let trial = 0; trial < directions; trial++) {
    const upstream = randomLike(y, rng);
    const grads = backward(y, { gradient: upstream });
    points.forEach((x, i) => {
      const direction = randomLike(x, rng);
      const value = (step: number): number => {
        const along = peek(direction);
        const moved = peek(x).map((v, k) => v + step * along[k]);
        const at = points.map((p, j) => (j === i ? owned(moved, x.shape) : p));
        return dot(
          noGrad(() => f(...at)),
          upstream,
        );
      };
      const numeric = (value(epsilon) - value(-epsilon)) / (2 * epsilon);
      const analytic = grads.has(x) ? dot(grads.get(x), direction) : 0;
      const error = Math.abs(analytic - numeric) / Math.max(1, Math.abs(analytic), Math.abs(numeric));
      worst = Number.isNaN(error) ? Number.NaN : Math.max(worst, error);
    });
  }
  return worst;
}

function checkResult(op: string, y: unknown): void {
  if (!isTensor(y)) throw new UsageError(`${op}: f must return a tensor, but returned ${describe(y)}`);
}

function randomLike(t: Tensor, rng: Rng): Tensor {
  return owned(
    Float64Array.from(peek(t), () => rng.normal()),
    t.shape,
  );
}

function dot(a: Tensor, b: Tensor): number {
  const [p, q] = [peek(a), peek(b)];
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += p[i] * q[i];
  return sum;
}
