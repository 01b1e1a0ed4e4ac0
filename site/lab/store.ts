/** What one network has told: rings of rows that never grow, and what the charts read off them. */

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

/** The rows of one network. */
export interface Store {
  readonly layers: number;
  /** Steps done so far. */
  readonly step: number;
  /** Adds the arrays of a `rows` message. Steps that are known already are left out. */
  add(message: { step: number; steps: Float32Array; rows: Float32Array; ratios: Float32Array }): void;
  /** Gradients as of step `at` (default: the newest); null before the first. */
  flow(at?: number): Flow | null;
  /** Update ratios likewise; null if they were not watched. */
  ratios(at?: number): Flow | null;
  /** Measured rows that are kept, oldest first: their step, and the values over the layers (a view, not a copy). */
  readonly length: number;
  rowStep(i: number): number;
  row(i: number): Float32Array;
  /** Steps whose loss is kept, oldest first: `step` and `loss` of each, and the running mean (factor 0.08). */
  readonly losses: {
    readonly length: number;
    step(i: number): number;
    loss(i: number): number;
    mean(i: number): number;
  };
  /** The loss between two steps, drawn in so many columns. */
  lossColumns(from: number, to: number, columns: number): LossColumns;
  /** All kept rows as text: step, loss, correct, rate, and the norm at each layer. */
  csv(layers: readonly string[]): string;
}

/** An empty store of a network with so many layers. Keeps 4,096 rows; when they are full every second one goes. */
export function createStore(_layers: number, _capacity = 4096): Store {
  throw new Error("not yet");
}
