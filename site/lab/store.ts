/**
 * What one network has told: rows that never grow beyond a fixed number, and what the charts read off them. When the rows are
 * full, every second one of the older ones goes; losses are joined in pairs, with their least, mean and largest.
 */
import { STEP } from "./protocol.ts";

/** The norms (or ratios) of a moment over the layers, image first. */
export interface Flow {
  /** The newest measured step that is not after the one asked for. */
  readonly step: number;
  /** That very step's values. */
  readonly now: Float32Array;
  /** Over the last 24 measured steps, by layer. Zeros, NaN and infinities stay what they are. */
  readonly median: Float32Array;
  /** 10th and 90th percentile. */
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** Of each column of pixels the least, the mean and the largest loss; NaN where there is none. */
export interface LossColumns {
  readonly min: Float32Array;
  readonly mean: Float32Array;
  readonly max: Float32Array;
}

/** The arrays of a `rows` message (protocol.ts). */
export interface Told {
  readonly step: number;
  readonly steps: Float32Array;
  readonly rows: Float32Array;
  readonly ratios: Float32Array;
}

/** The losses that are kept, oldest first. */
export interface Losses {
  readonly length: number;
  step(i: number): number;
  loss(i: number): number;
  /** The running mean: of each new loss it takes 0.08. */
  mean(i: number): number;
  /** Share of right answers of the step's batch. */
  correct(i: number): number;
}

/** The rows of one network. */
export interface Store {
  readonly layers: number;
  /** Steps done so far. */
  readonly step: number;
  /** Adds what a message tells. Steps that are known already are left out. */
  add(told: Told): void;
  /** Gradients as of a step number (default: the newest); null before the first. */
  flow(at?: number): Flow | null;
  /** Update ratios likewise; null where none were measured. */
  ratios(at?: number): Flow | null;
  /** Measured rows that are kept, oldest first: their step, and the values over the layers (a view, not a copy). */
  readonly length: number;
  rowStep(i: number): number;
  row(i: number): Float32Array;
  readonly losses: Losses;
  /** The losses of the steps from … to − 1, drawn in so many columns. */
  lossColumns(from: number, to: number, columns: number): LossColumns;
  /** All kept rows as text: step, loss, correct, rate, and the norm at each layer. */
  csv(layers: readonly string[]): string;
}

/** Over how many measured steps medians are taken. */
const STEADY = 24;

/** So many of the newest rows are never thinned out: medians are made from them. */
const UNTOUCHED = 64;

/** How much of a new loss the running mean takes. */
const SMOOTHING = 0.08;

/** An empty store of a network with so many layers. */
export function createStore(layers: number, capacity = 4096): Store {
  return new Rows(layers, capacity);
}

/** Values over the layers at some steps. */
class Ring {
  readonly layers: number;
  length = 0;
  readonly #capacity: number;
  readonly #steps: Float64Array;
  readonly #values: Float32Array;

  constructor(layers: number, capacity: number) {
    this.layers = layers;
    this.#capacity = Math.max(capacity, 2 * UNTOUCHED);
    this.#steps = new Float64Array(this.#capacity);
    this.#values = new Float32Array(this.#capacity * layers);
  }

  stepAt(i: number): number {
    return this.#steps[i];
  }

  row(i: number): Float32Array {
    return this.#values.subarray(i * this.layers, (i + 1) * this.layers);
  }

  add(step: number, values: Float32Array): void {
    if (this.length > 0 && step <= this.#steps[this.length - 1]) return;
    if (this.length === this.#capacity) this.#thin();
    this.#steps[this.length] = step;
    this.row(this.length).set(values);
    this.length++;
  }

  /** Every second one of the older rows goes. */
  #thin(): void {
    const old = this.length - UNTOUCHED;
    let to = 0;
    for (let from = 0; from < this.length; from++) {
      if (from < old && from % 2 === 1) continue;
      this.#steps[to] = this.#steps[from];
      this.row(to).set(this.row(from));
      to++;
    }
    this.length = to;
  }

  /** Index of the newest row that is not after a step; −1 if there is none. */
  indexAt(step: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#steps[middle] <= step) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  flow(at: number): Flow | null {
    const last = this.indexAt(at);
    if (last < 0) return null;
    const first = Math.max(0, last - STEADY + 1);
    const [median, low, high] = [0, 1, 2].map(() => new Float32Array(this.layers));
    const column = new Float32Array(last - first + 1);
    for (let layer = 0; layer < this.layers; layer++) {
      for (let i = 0; i < column.length; i++) column[i] = this.#values[(first + i) * this.layers + layer];
      column.sort();
      median[layer] = quantile(column, 0.5);
      low[layer] = quantile(column, 0.1);
      high[layer] = quantile(column, 0.9);
    }
    return { step: this.#steps[last], now: this.row(last).slice(), median, low, high };
  }
}

/**
 * The value below which a share q of the sorted values lies. Between two of them by their logarithms, since these are drawn;
 * next to a zero or an infinity the nearer one. NaN counts as largest.
 */
export function quantile(sorted: Float32Array, q: number): number {
  const place = q * (sorted.length - 1);
  const [a, b] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  const t = place - Math.floor(place);
  if (a === b || t === 0) return a;
  if (a > 0 && Number.isFinite(b)) return Math.exp((1 - t) * Math.log(a) + t * Math.log(b));
  return t < 0.5 ? a : b;
}

/** A loss, or several that were joined. */
interface LossEntry {
  step: number;
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly smooth: number;
  readonly correct: number;
}

/** Losses of all steps, joined in pairs where they become too many. */
class LossRing implements Losses {
  readonly #most: number;
  #entries: LossEntry[] = [];
  #smooth = Number.NaN;

  constructor(most: number) {
    this.#most = most;
  }

  get length(): number {
    return this.#entries.length;
  }
  step(i: number): number {
    return this.#entries[i].step;
  }
  loss(i: number): number {
    return this.#entries[i].mean;
  }
  mean(i: number): number {
    return this.#entries[i].smooth;
  }
  correct(i: number): number {
    return this.#entries[i].correct;
  }

  add(step: number, loss: number, correct: number): void {
    this.#smooth = Number.isNaN(this.#smooth) ? loss : this.#smooth + SMOOTHING * (loss - this.#smooth);
    if (this.length >= this.#most) this.#join();
    this.#entries.push({ step, count: 1, min: loss, mean: loss, max: loss, smooth: this.#smooth, correct });
  }

  #join(): void {
    const old = this.#entries;
    this.#entries = [];
    for (let i = 0; i < old.length; i += 2) {
      const [a, b] = [old[i], old[i + 1]];
      if (!b) this.#entries.push(a);
      else {
        const count = a.count + b.count;
        const joined = (x: number, y: number): number => (a.count * x + b.count * y) / count;
        this.#entries.push({
          step: a.step,
          count,
          min: Math.min(a.min, b.min),
          mean: joined(a.mean, b.mean),
          max: Math.max(a.max, b.max),
          smooth: b.smooth,
          correct: joined(a.correct, b.correct),
        });
      }
    }
  }

  columns(from: number, to: number, columns: number): LossColumns {
    const [min, mean, max] = [0, 1, 2].map(() => new Float32Array(columns).fill(Number.NaN));
    const counts = new Float64Array(columns);
    for (const entry of this.#entries) {
      const column = Math.floor(((entry.step - from) / (to - from)) * columns);
      if (column < 0 || column >= columns) continue;
      const known = counts[column];
      min[column] = known === 0 ? entry.min : Math.min(min[column], entry.min);
      max[column] = known === 0 ? entry.max : Math.max(max[column], entry.max);
      mean[column] = ((known === 0 ? 0 : mean[column]) * known + entry.mean * entry.count) / (known + entry.count);
      counts[column] += entry.count;
    }
    return { min, mean, max };
  }
}

/** Loss, right answers and rate, beside the norms of a row. */
const BESIDE = 3;

class Rows implements Store {
  readonly layers: number;
  step = 0;
  readonly losses: LossRing;
  readonly #norms: Ring;
  readonly #ratios: Ring;
  /** Of the same steps as the norms. */
  readonly #beside: Ring;

  constructor(layers: number, capacity: number) {
    this.layers = layers;
    this.losses = new LossRing(4 * capacity);
    this.#norms = new Ring(layers, capacity);
    this.#ratios = new Ring(layers, capacity);
    this.#beside = new Ring(BESIDE, capacity);
  }

  get length(): number {
    return this.#norms.length;
  }
  rowStep(i: number): number {
    return this.#norms.stepAt(i);
  }
  row(i: number): Float32Array {
    return this.#norms.row(i);
  }

  add({ step, steps, rows, ratios }: Told): void {
    const beside = new Map<number, Float32Array>();
    for (let i = 0; i < steps.length; i += STEP.length) {
      const [number, loss, correct] = [steps[i + STEP.step], steps[i + STEP.loss], steps[i + STEP.correct]];
      if (number < this.step) continue;
      this.losses.add(number, loss, correct);
      beside.set(number, Float32Array.of(loss, correct, steps[i + STEP.learningRate]));
    }
    for (const [ring, values] of [
      [this.#norms, rows],
      [this.#ratios, ratios],
    ] as const) {
      for (let i = 0; i < values.length; i += 1 + this.layers) {
        if (values[i] < this.step) continue;
        ring.add(values[i], values.subarray(i + 1, i + 1 + this.layers));
        if (ring === this.#norms) this.#beside.add(values[i], beside.get(values[i]) ?? NOTHING);
      }
    }
    this.step = Math.max(this.step, step);
  }

  flow(at = Number.POSITIVE_INFINITY): Flow | null {
    return this.#norms.flow(at);
  }
  ratios(at = Number.POSITIVE_INFINITY): Flow | null {
    return this.#ratios.flow(at);
  }
  lossColumns(from: number, to: number, columns: number): LossColumns {
    return this.losses.columns(from, to, columns);
  }

  csv(layers: readonly string[]): string {
    const lines = [["step", "loss", "correct", "learningRate", ...layers].join(",")];
    for (let i = 0; i < this.length; i++) {
      const values = [...this.#beside.row(i), ...this.row(i)].map(inDecimals);
      lines.push([this.rowStep(i), ...values].join(","));
    }
    return `${lines.join("\n")}\n`;
  }
}

const NOTHING = new Float32Array(BESIDE).fill(Number.NaN);

/** A number of 32 bits has no more than nine digits; seven are enough, and 0.1 stays 0.1. */
function inDecimals(value: number): number {
  return Number(value.toPrecision(7));
}
