/** One measurement: warm up, let Benchmark.js sample, report the median and the spread. */
import Benchmark from "benchmark";

export interface Timing {
  /** Median time of one call, ms. */
  median: number;
  /** Half the distance between the quartiles, relative to the median: what the next run may differ by. */
  spread: number;
  /** Samples taken; each is the mean of several calls where calls are short. */
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
  const sorted = benchmark.stats.sample.map((seconds) => 1000 * seconds).sort((a, b) => a - b);
  const quantile = (q: number): number => {
    const at = q * (sorted.length - 1);
    const below = Math.floor(at);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  };
  const median = quantile(0.5);
  return { median, spread: (quantile(0.75) - quantile(0.25)) / 2 / median, samples: sorted.length };
}
