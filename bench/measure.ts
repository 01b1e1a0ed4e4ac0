/** One measurement: warm up, let Benchmark.js sample, report the median and the spread. */
import Benchmark from "benchmark";

export interface Timing {
  /** Median time of one call, ms. */
  median: number;
  /** Half the distance between the quartiles, relative to the median: how much the next run may differ. */
  spread: number;
  /** Samples taken; if calls are short, each is the mean of several. */
  samples: number;
}

export interface Effort {
  /** Seconds of calls before the clock starts. At least one call is made, and three if they fit into ten times this. */
  readonly warmup: number;
  /** Seconds of sampling. */
  readonly duration: number;
  readonly samples: number;
}

/** Times `run`. */
export function measure(run: () => void, { warmup, duration, samples }: Effort): Timing {
  const start = performance.now();
  const elapsed = (): number => (performance.now() - start) / 1000;
  for (let calls = 0; calls === 0 || elapsed() < warmup || (calls < 3 && elapsed() < 10 * warmup); calls++) run();

  const benchmark = new Benchmark("", run, { maxTime: duration, minSamples: samples });
  benchmark.run();
  if (benchmark.error) throw benchmark.error;
  const times = benchmark.stats.sample.map((seconds) => 1000 * seconds);
  const middle = median(times);
  return {
    median: middle,
    spread: (quantile(times, 0.75) - quantile(times, 0.25)) / 2 / middle,
    samples: times.length,
  };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share `q` of the values lies, interpolated; NaN for an empty list. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}
