/** Gradient clipping: makes new gradients and never changes the old ones, because two tensors may share an array. */
import { Gradients } from "../../autograd/backward.ts";
import { checkAboveZero, checkList } from "../../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../../tensor/check.ts";
import { checkTensor } from "../../tensor/check-tensor.ts";
import { UsageError, ValueError } from "../../tensor/errors.ts";
import { pow } from "../../tensor/math/index.ts";
import { owned, peek, type Tensor } from "../../tensor/tensor.ts";

/**
 * The norm of all the parameters' gradients as one vector: (Σ|g|ᵖ)^(1/p), or max |g| for p = Infinity. Parameters
 * without a gradient count as 0.
 *
 * @example
 * const x = tensor([3, 4], { requiresGrad: true });
 * const grads = backward(sum(mul(x, tensor([3, 4]))));
 * gradNorm(grads, [x]); // 5
 */
export function gradNorm(grads: Gradients, parameters: readonly Tensor[], p = 2): number {
  checkAboveZero("gradNorm", "p, the order of the norm,", p);
  checkArguments("gradNorm", grads, parameters);
  let total = 0;
  for (const w of parameters) {
    if (!grads.has(w)) continue;
    const g = peek(grads.get(w));
    // Math.max, unlike a comparison, keeps a NaN.
    if (p === Infinity) for (let i = 0; i < g.length; i++) total = Math.max(total, Math.abs(g[i]));
    else if (p === 2) for (let i = 0; i < g.length; i++) total += g[i] * g[i];
    else for (let i = 0; i < g.length; i++) total += pow(Math.abs(g[i]), p);
    if (Number.isNaN(total)) return total;
  }
  return p === Infinity ? total : pow(total, 1 / p);
}

/** Options of `clipGradNorm`. */
export interface ClipOptions {
  /** Which norm: 2 (the default), 1, Infinity, or any other number above 0. */
  p?: number;
}

const CLIP_NAMES: OptionNames<ClipOptions> = { p: true };

/**
 * Scales all gradients by maxNorm / (norm + 1e-6) where their norm is larger than maxNorm (Pascanu et al. 2013; the
 * 1e-6 is PyTorch's).
 *
 * @returns the gradients to step with, and the norm before clipping.
 *
 * @example
 * const x = tensor([3, 4], { requiresGrad: true });
 * const { grads, norm } = clipGradNorm(backward(sum(mul(x, tensor([3, 4])))), [x], 1);
 * norm; // 5
 * grads.get(x)?.toArray(); // [0.6, 0.8]
 *
 * @throws ValueError if the norm is not finite: no scale would help.
 */
export function clipGradNorm(
  grads: Gradients,
  parameters: readonly Tensor[],
  maxNorm: number,
  options: ClipOptions = {},
): { grads: Gradients; norm: number } {
  checkArguments("clipGradNorm", grads, parameters);
  checkOptions("clipGradNorm", options, CLIP_NAMES);
  const { p = 2 } = options;
  checkAboveZero("clipGradNorm", "p, the order of the norm,", p);
  checkAboveZero("clipGradNorm", "maxNorm", maxNorm);
  const norm = gradNorm(grads, parameters, p);
  if (!Number.isFinite(norm)) throw new ValueError(`clipGradNorm: the norm of the gradients is ${norm}`);
  const scale = maxNorm / (norm + 1e-6);
  return { grads: scale < 1 ? mapped(grads, parameters, (g) => g * scale) : grads, norm };
}

/**
 * Clamps every element of the parameters' gradients to [−limit, limit].
 *
 * @example
 * const x = tensor([3, 4], { requiresGrad: true });
 * const grads = clipGradValue(backward(sum(mul(x, tensor([0.5, -8])))), [x], 1);
 * grads.get(x)?.toArray(); // [0.5, -1]
 */
export function clipGradValue(grads: Gradients, parameters: readonly Tensor[], limit: number): Gradients {
  checkArguments("clipGradValue", grads, parameters);
  checkAboveZero("clipGradValue", "limit", limit);
  return mapped(grads, parameters, (g) => (g > limit ? limit : g < -limit ? -limit : g));
}

function checkArguments(op: string, grads: unknown, parameters: unknown): void {
  if (!(grads instanceof Gradients)) {
    throw new UsageError(`${op}: takes the gradients that backward returned, got ${describe(grads)}`);
  }
  checkList(op, "parameters", parameters);
  parameters.forEach((t, i) => {
    checkTensor(op, `parameters[${i}]`, t);
  });
}

/** The same gradients, with `f` applied to each element of those of `parameters`. */
function mapped(grads: Gradients, parameters: readonly Tensor[], f: (g: number) => number): Gradients {
  const chosen = new Set(parameters);
  const result = new Map<Tensor, Tensor>();
  for (const [t, gradient] of grads.entries()) {
    if (!chosen.has(t)) {
      result.set(t, gradient);
      continue;
    }
    result.set(t, owned(peek(gradient).map(f), gradient.shape));
  }
  return new Gradients(result);
}
