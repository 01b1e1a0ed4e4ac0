/**
 * Updates in place: one step of an optimiser on one parameter. To maximize, −gw takes the place of gw.
 *
 * Every number is read, updated in float64, and rounded once when it is stored.
 */
import type { AdamStep, RmspropStep, SgdStep } from "../kernels.ts";
import { pow } from "../math/index.ts";
import type { Floats } from "../memory.ts";

/** Batch norm's update after each batch: running ← (1 − momentum)·running + momentum·scale·batch. */
export function runningAverage(running: Floats, batch: Floats, momentum: number, scale: number): void {
  for (let c = 0; c < running.length; c++) running[c] = (1 - momentum) * running[c] + momentum * batch[c] * scale;
}

/**
 * Stochastic gradient descent as PyTorch defines it, with g = gw + weightDecay·w:
 *
 *   v ← momentum·v + (1 − dampening)·g        (v ← g on the first step)
 *   d = v,  or  g + momentum·v                (Nesterov)
 *   w ← w − lr·d
 *
 * The learning rate multiplies the velocity when it is applied, not when it is stored (as in Sutskever et al. 2013), so
 * a new learning rate changes the next step at once.
 */
export function sgd(w: Floats, gw: Floats, v: Floats | null, step: SgdStep): void {
  const { lr, momentum, dampening, weightDecay, nesterov, first } = step;
  const sign = step.maximize ? -1 : 1;
  const n = w.length;
  if (!v) {
    for (let i = 0; i < n; i++) w[i] -= lr * (sign * gw[i] + weightDecay * w[i]);
    return;
  }
  const take = 1 - dampening;
  for (let i = 0; i < n; i++) {
    const g = sign * gw[i] + weightDecay * w[i];
    // Before the first step v is undefined, and 0·NaN would be NaN.
    const velocity = first ? g : momentum * v[i] + take * g;
    v[i] = velocity;
    w[i] -= lr * (nesterov ? g + momentum * velocity : velocity);
  }
}

/**
 * Adam (Kingma & Ba 2015, Algorithm 1), with g = gw + weightDecay·w:
 *
 *   m ← β₁m + (1 − β₁)g        m̂ = m / (1 − β₁ᵗ)
 *   v ← β₂v + (1 − β₂)g²       v̂ = v / (1 − β₂ᵗ)
 *   w ← w − lr·m̂ / (√v̂ + ε)
 *
 * AdamW (Loshchilov & Hutter 2019, Algorithm 2): g = gw, and the weights decay separately before the step, w ← (1 −
 * lr·weightDecay)·w.
 *
 * AMSGrad (Reddi et al. 2018, Algorithm 2) as PyTorch defines it, with peak ← max(peak, v): v̂ = peak / (1 − β₂ᵗ).
 */
export function adam(w: Floats, gw: Floats, m: Floats, v: Floats, peak: Floats | null, options: AdamStep): void {
  const { lr, beta1, beta2, eps, weightDecay, decoupled, step } = options;
  const stepSize = lr / (1 - pow(beta1, step));
  const correction = 1 / Math.sqrt(1 - pow(beta2, step));
  const coupledDecay = decoupled ? 0 : weightDecay;
  const shrink = decoupled ? 1 - lr * weightDecay : 1;
  const sign = options.maximize ? -1 : 1;
  const n = w.length;
  for (let i = 0; i < n; i++) {
    const g = sign * gw[i] + coupledDecay * w[i];
    const mean = beta1 * m[i] + (1 - beta1) * g;
    const square = beta2 * v[i] + (1 - beta2) * g * g;
    m[i] = mean;
    v[i] = square;
    // Math.max keeps a NaN.
    if (peak) peak[i] = Math.max(peak[i], square);
    w[i] = shrink * w[i] - (stepSize * mean) / (Math.sqrt(peak ? peak[i] : square) * correction + eps);
  }
}

/**
 * RMSprop (Tieleman & Hinton 2012; centred: Graves 2013, equations 38 to 45) as PyTorch defines it, with g = gw + weightDecay·w:
 *
 *   s ← αs + (1 − α)g²         d = g / (√s + ε)
 *   m ← αm + (1 − α)g          d = g / (√(s − m²) + ε)       (centred)
 *   v ← momentum·v + d         w ← w − lr·v,  or  w − lr·d without momentum
 */
export function rmsprop(
  w: Floats,
  gw: Floats,
  s: Floats,
  m: Floats | null,
  v: Floats | null,
  options: RmspropStep,
): void {
  const { lr, alpha, eps, momentum, weightDecay } = options;
  const sign = options.maximize ? -1 : 1;
  const n = w.length;
  for (let i = 0; i < n; i++) {
    const g = sign * gw[i] + weightDecay * w[i];
    let square = alpha * s[i] + (1 - alpha) * g * g;
    s[i] = square;
    if (m) {
      const mean = alpha * m[i] + (1 - alpha) * g;
      m[i] = mean;
      square -= mean * mean;
    }
    let direction = g / (Math.sqrt(square) + eps);
    if (v) {
      direction += momentum * v[i];
      v[i] = direction;
    }
    w[i] -= lr * direction;
  }
}
