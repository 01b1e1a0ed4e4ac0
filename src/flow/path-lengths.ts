/**
 * Which paths do the learning: Veit, Wilber & Belongie 2016, "Residual Networks Behave Like Ensembles of Relatively
 * Shallow Networks", "The importance of short paths" and Fig. 6.
 *
 * n residual blocks make 2ⁿ paths from input to output, since each block is either skipped or passed. Their lengths
 * (the number of branches passed) are binomial: C(n, k)/2ⁿ of them have length k, so most are about n/2 long. But a
 * gradient that passes k branches shrinks with k, and a length's contribution to learning is the product of the two: in
 * a trained network of 54 blocks it comes from paths of 5 to 17.
 */
import type { Module } from "../nn/module.ts";
import { checkInteger, checkList, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { asStep } from "../tensor/step.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { gradientThrough, recordChain } from "./chain.ts";
import { norm } from "./measure.ts";
import { differentiatingOnly } from "./preserve.ts";

/** The number of paths of one length: a row of `pathDistribution`. */
export interface PathCount {
  /** Number of branches on the path, k. */
  readonly length: number;
  /** C(n, k); Infinity where it is beyond float64. */
  readonly paths: number;
  /** C(n, k)/2ⁿ. */
  readonly fraction: number;
}

/**
 * The lengths of the 2ⁿ paths through n residual blocks: binomial, n trials with probability ½. One row per length, 0 … n.
 *
 * @example
 * pathDistribution(3).map((row) => row.paths); // [1, 3, 3, 1]
 *
 * @throws ValueError unless n is a whole number of 0 or more.
 */
export function pathDistribution(n: number): PathCount[] {
  checkWhole("pathDistribution", "n", n, 0);
  // C(n, k) for k ≤ n/2, and its logarithm, because C(n, k) and 2ⁿ are beyond float64 from n = 1030 and 1024.
  const counts = [{ paths: 1, logarithm: 0 }];
  for (let k = 1; k <= n / 2; k++) {
    const { paths, logarithm } = counts[k - 1];
    const ratio = (n - k + 1) / k;
    counts.push({ paths: Math.round(paths * ratio), logarithm: logarithm + Math.log(ratio) });
  }
  return Array.from({ length: n + 1 }, (_, length) => {
    const { paths, logarithm } = counts[Math.min(length, n - length)];
    return { length, paths, fraction: Math.exp(logarithm - n * Math.LN2) };
  });
}

/** Options of `pathGradients`. */
export interface PathGradientOptions {
  seed?: number;
  /** Different paths measured for each length; fewer if fewer exist. Default 10. */
  samples?: number;
  /** The lengths to measure. Default: all, 0 … n. */
  lengths?: readonly number[];
}

const OPTIONS: OptionNames<PathGradientOptions> = { seed: true, samples: true, lengths: true };

/** The effect of the paths of one length. */
export interface PathLengthRow {
  /** Number of branches on the path, k. */
  readonly length: number;
  /** Fraction of all paths that have this length, C(n, k)/2ⁿ. */
  readonly fraction: number;
  /** How many different paths were measured. */
  readonly samples: number;
  /** Mean of ‖g‖, where g is the gradient that reaches the first block's input along one such path. */
  readonly gradient: number;
  /** Standard deviation of ‖g‖ over the samples; 0 for a single one. */
  readonly spread: number;
  /** fraction · gradient. */
  readonly contribution: number;
  /** The contribution divided by the sum of all rows' contributions. */
  readonly share: number;
}

/**
 * The gradient by path length, sampled as in Veit et al. 2016. The batch goes forward through the whole network. On the
 * way back the gradient is sent through only the branch in k random blocks, and through only the shortcut in the
 * others. Different paths of one length are drawn without replacement.
 *
 * The gradient is measured where all paths end, at the first block's input. The model runs forward once, in its current
 * mode; its running statistics are restored.
 *
 * @param loss runs the model and returns the scalar loss.
 *
 * @example
 * const rows = pathGradients(model, () => crossEntropy(model.forward(images), labels), { samples: 20 });
 *
 * @throws ValueError if the model has no residual blocks, one of them has no shortcut, or a length does not exist.
 */
export function pathGradients(model: Module, loss: () => Tensor, options: PathGradientOptions = {}): PathLengthRow[] {
  checkOptions("pathGradients", options, OPTIONS);
  const { seed = 0, samples = 10, lengths } = options;
  checkInteger("pathGradients", "seed", seed);
  checkWhole("pathGradients", "samples", samples, 1);
  if (lengths !== undefined) checkList("pathGradients", "lengths", lengths);
  const rng = new Rng(seed);
  const chain = recordChain("pathGradients", model, loss);
  const n = chain.links.length;
  const plain = chain.links.find(({ path }) => !path);
  if (plain) {
    throw new ValueError(`pathGradients: ${plain.block} has no shortcut: paths are counted in residual networks only`);
  }
  const distribution = pathDistribution(n);
  for (const length of lengths ?? []) checkWhole("pathGradients", "length", length, 0, n);
  const measured = distribution
    .filter(({ length }) => lengths === undefined || lengths.includes(length))
    .map(({ length, paths, fraction }) => {
      const norms = differentiatingOnly(chain.loss, [chain.links[0].x], () =>
        choices(n, length, Math.min(samples, paths), rng).map((chosen) =>
          // A separate step for each, so that one path's memory is recycled for the next.
          asStep(() => norm(gradientThrough(chain, (l) => chosen.has(l)))),
        ),
      );
      const gradient = mean(norms);
      return {
        length,
        fraction,
        samples: norms.length,
        gradient,
        spread: deviation(norms),
        contribution: fraction * gradient,
      };
    });
  const total = measured.reduce((sum, { contribution }) => sum + contribution, 0);
  return measured.map((row) => ({ ...row, share: total === 0 ? 0 : row.contribution / total }));
}

/** `count` different sets of k out of n. */
function choices(n: number, k: number, count: number, rng: Rng): ReadonlySet<number>[] {
  const found = new Map<string, ReadonlySet<number>>();
  while (found.size < count) {
    const chosen = rng.permutation(n).slice(0, k).sort();
    found.set(chosen.join(), new Set(chosen));
  }
  return [...found.values()];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const center = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - center) ** 2, 0) / (values.length - 1));
}
