/** Gradient clipping: new gradients, never changed ones, because two tensors may share an array of them. */
import { Gradients } from "../../autograd/backward.ts";
import { ValueError } from "../../tensor/errors.ts";
import { pow } from "../../tensor/math/index.ts";
import { allocateLasting } from "../../tensor/memory.ts";
import { Tensor } from "../../tensor/tensor.ts";

/**
 * The norm of all the parameters' gradients read as one vector: (Σ|g|ᵖ)^(1/p), or max |g| for p = Infinity. Parameters
 * without a gradient count as 0.
 */
export function gradNorm(grads: Gradients, parameters: readonly Tensor[], p = 2): number {
  let total = 0;
  for (const w of parameters) {
    if (!grads.has(w)) continue;
    const g = grads.get(w).data;
    // Math.max, unlike a comparison, keeps a NaN that it has met.
    if (p === Infinity) for (let i = 0; i < g.length; i++) total = Math.max(total, Math.abs(g[i]));
    else if (p === 2) for (let i = 0; i < g.length; i++) total += g[i] * g[i];
    else for (let i = 0; i < g.length; i++) total += pow(Math.abs(g[i]), p);
    if (Number.isNaN(total)) return total;
  }
  return p === Infinity ? total : pow(total, 1 / p);
}

/**
 * Scales all gradients by maxNorm / (norm + 1e-6) where their norm is larger than maxNorm (Pascanu et al. 2013; the
 * 1e-6 is PyTorch's).
 *
 * @returns the gradients to step with, and the norm before clipping.
 * @throws ValueError if the norm is not finite: no scale would help.
 */
export function clipGradNorm(
  grads: Gradients,
  parameters: readonly Tensor[],
  maxNorm: number,
  { p = 2 }: { p?: number } = {},
): { grads: Gradients; norm: number } {
  if (!(maxNorm > 0)) throw new ValueError(`clipGradNorm: maxNorm must be above 0, got ${maxNorm}`);
  const norm = gradNorm(grads, parameters, p);
  if (!Number.isFinite(norm)) throw new ValueError(`clipGradNorm: the norm of the gradients is ${norm}`);
  const scale = maxNorm / (norm + 1e-6);
  return { grads: scale < 1 ? mapped(grads, parameters, (g) => g * scale) : grads, norm };
}

/** Moves every element of the parameters' gradients into [−limit, limit]. */
export function clipGradValue(grads: Gradients, parameters: readonly Tensor[], limit: number): Gradients {
  if (!(limit > 0)) throw new ValueError(`clipGradValue: the limit must be above 0, got ${limit}`);
  return mapped(grads, parameters, (g) => (g > limit ? limit : g < -limit ? -limit : g));
}

/** The same gradients, those of `parameters` with `f` applied to each element. */
function mapped(grads: Gradients, parameters: readonly Tensor[], f: (g: number) => number): Gradients {
  const chosen = new Set(parameters);
  const result = new Map<Tensor, Tensor>();
  for (const [t, gradient] of grads.entries()) {
    if (!chosen.has(t)) {
      result.set(t, gradient);
      continue;
    }
    const data = allocateLasting(gradient.size, gradient.data);
    for (let i = 0; i < data.length; i++) data[i] = f(gradient.data[i]);
    result.set(t, new Tensor(data, gradient.shape));
  }
  return new Gradients(result);
}
