/** Means over batches, of the loss and of the metrics, each weighted by how many things it averages. */
import { noGrad } from "../../autograd/graph.ts";
import { describe } from "../../tensor/check.ts";
import { UsageError } from "../../tensor/errors.ts";
import { checkFinished, checkNow } from "../../tensor/sync.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { warn } from "../../tensor/warn.ts";
import type { Measured, Metrics } from "../metrics.ts";
import { isCount } from "./loss.ts";

/** The measurements of one or several batches: the loss, and the metrics by name. */
export interface Measurement<K extends string> {
  readonly loss: Measured;
  readonly metrics: Readonly<Record<K, Measured>>;
}

/** The mean of parts that are themselves means. The mean of one part is that part, to the bit; of none, NaN. */
export function meanOf(parts: readonly Measured[]): Measured {
  // A mean of nothing is NaN, and must not spread to the others.
  const counted = parts.filter(({ count }) => count > 0);
  if (counted.length === 1) return counted[0];
  const count = counted.reduce((sum, part) => sum + part.count, 0);
  return { value: counted.reduce((sum, part) => sum + part.value * part.count, 0) / count, count };
}

/** What means have added up so far. */
export interface MeansState {
  readonly loss: SumState;
  readonly metrics: Readonly<Record<string, SumState>>;
}

interface SumState {
  readonly total: number;
  readonly count: number;
}

/** The same for several measurements, number by number. */
export class Means<K extends string> {
  /** How many things the mean of the loss covers. */
  readonly #names: readonly K[];
  readonly #loss = new Sum();
  readonly #metrics = new Map<K, Sum>();

  constructor(names: readonly K[]) {
    this.#names = names;
    for (const name of names) this.#metrics.set(name, new Sum());
  }

  add({ loss, metrics }: Measurement<K>): void {
    this.#loss.add(loss);
    for (const name of this.#names) this.#metrics.get(name)!.add(metrics[name]);
  }

  get state(): MeansState {
    return { loss: this.#loss.state, metrics: byName(this.#names, (name) => this.#metrics.get(name)!.state) };
  }

  /** Goes on from there. A metric that was not measured then begins here. */
  restore({ loss, metrics }: MeansState): void {
    this.#loss.state = loss;
    for (const name of this.#names) {
      if (Object.hasOwn(metrics, name)) this.#metrics.get(name)!.state = metrics[name];
    }
  }

  result(): { loss: number; metrics: Readonly<Record<K, number>> } {
    return { loss: this.#loss.mean(), metrics: byName(this.#names, (name) => this.#metrics.get(name)!.mean()) };
  }
}

/** Σ value·count and Σ count, over the parts that count. */
class Sum {
  #total = 0;
  #count = 0;

  get state(): SumState {
    return { total: this.#total, count: this.#count };
  }

  set state({ total, count }: SumState) {
    this.#total = total;
    this.#count = count;
  }

  add({ value, count }: Measured): void {
    if (count === 0) return;
    this.#total += value * count;
    this.#count += count;
  }

  mean(): number {
    return this.#total / this.#count;
  }
}

/**
 * The metrics of one call of `fit` or `evaluate`. They cannot stop it: a metric that throws, or returns anything but a
 * number, is NaN, and the console says why, once for each.
 */
export class Meter<Y, L, K extends string> {
  readonly names: readonly K[];
  readonly #op: string;
  readonly #metrics: Metrics<Y, L, K>;
  readonly #warned = new Set<K>();

  /** @throws UsageError unless `metrics` is an object of functions that answer at once, or undefined. */
  constructor(op: string, metrics: Metrics<Y, L, K> | undefined) {
    // A Map or a Set has no names: it would pass as an object without metrics.
    if (metrics !== undefined && Object.prototype.toString.call(metrics) !== "[object Object]") {
      throw new UsageError(`${op}: metrics must be functions by name, { accuracy }, got ${describe(metrics)}`);
    }
    this.#op = op;
    this.#metrics = metrics ?? ({} as Metrics<Y, L, K>);
    this.names = Object.keys(this.#metrics) as K[];
    for (const name of this.names) {
      if (this.#metrics[name] === undefined) throw new UsageError(`${op}: the metric "${name}" is undefined`);
      checkNow(op, `the metric "${name}"`, this.#metrics[name]);
    }
  }

  /** @throws UsageError for a metric that returns a promise. */
  measure(output: Y, labels: L, examples: number): Readonly<Record<K, Measured>> {
    return byName(this.names, (name) => {
      let got: unknown;
      let measured: Measured | null;
      try {
        noGrad(() => {
          // Not returned, so that a promise is refused below under the metric's name, and not by noGrad.
          got = this.#metrics[name](output, labels);
        });
        measured = measuredFrom(got, examples);
      } catch (error) {
        return this.#failed(name, examples, error instanceof Error ? error.message : describe(error));
      }
      checkFinished(this.#op, `the metric "${name}"`, got);
      if (measured) return measured;
      const hint = got instanceof Tensor ? ": return its item()" : "";
      return this.#failed(
        name,
        examples,
        `it must return a number or { value, count }, but returned ${describe(got)}${hint}`,
      );
    });
  }

  #failed(name: K, count: number, why: string): Measured {
    if (!this.#warned.has(name)) {
      this.#warned.add(name);
      warn(`${this.#op}: the metric "${name}" is NaN: ${why}`);
    }
    return { value: Number.NaN, count };
  }
}

function measuredFrom(result: unknown, examples: number): Measured | null {
  if (typeof result === "number") return { value: result, count: examples };
  if (typeof result !== "object" || result === null) return null;
  const { value, count } = result as Partial<Measured>;
  return typeof value === "number" && isCount(count) ? { value, count } : null;
}

/** An object with these names. */
export function byName<K extends string, V>(names: readonly K[], of: (name: K) => V): Readonly<Record<K, V>> {
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<K, V>;
}
