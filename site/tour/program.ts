/**
 * The program of docs/tour.md, for any image and filter: the lines of its first block (a test compares them) and, for "cut the
 * shortcut", the one line that differs.
 */
import {
  add,
  backward,
  conv2d,
  crossEntropy,
  type Gradients,
  globalAvgPool2d,
  linear,
  relu,
  softmax,
  type Tensor,
  tensor,
  useKernels,
} from "skipstone";

/** What the reader may change. */
export interface TourState {
  /** 4 rows of 4 numbers. */
  readonly image: readonly (readonly number[])[];
  /** 3 rows of 3 numbers. */
  readonly filter: readonly (readonly number[])[];
  /** Our pixel, 0 to 3. */
  readonly row: number;
  readonly column: number;
  /** Whether the shortcut is cut: y = relu(F(x)). */
  readonly cut: boolean;
}

/** The state of the text. */
export const tourState: TourState = {
  image: [
    [0, 1, 0, 0],
    [0, 3, 0, 0],
    [0, 3, 2, 0],
    [0, 0, 0, 0],
  ],
  filter: [
    [0, 0, 0],
    [0.5, -1, 0.5],
    [0, 0, 0],
  ],
  row: 2,
  column: 2,
  cut: false,
};

/** The tensors of the program, by the names they have there. */
export interface TourTensors {
  readonly x: Tensor;
  readonly w: Tensor;
  readonly v: Tensor;
  readonly branch: Tensor;
  /** The branch itself where the shortcut is cut. */
  readonly total: Tensor;
  readonly y: Tensor;
  readonly m: Tensor;
  readonly logits: Tensor;
  readonly probabilities: Tensor;
  readonly loss: Tensor;
}

/** A run: what was computed, and the gradients of all of it. */
export interface TourRun {
  readonly tensors: TourTensors;
  readonly grads: Gradients;
}

function tensorsOf(image: number[][], filter: number[][], cut: boolean): TourTensors {
  const x = tensor(image, [1, 1, 4, 4], { requiresGrad: true }); // N = 1, C = 1, H = W = 4
  const w = tensor(filter, [1, 1, 3, 3], { requiresGrad: true });
  const v = tensor([[1], [-1]], { requiresGrad: true }); // the last layer

  const branch = conv2d(x, w, null, { padding: 1 }); // F(x)
  const total = cut ? branch : add(x, branch); // x + F(x)
  const y = relu(total);
  const m = globalAvgPool2d(y);
  const logits = linear(m, v, null);
  const loss = crossEntropy(logits, [0]); // the right class is 0
  return { x, w, v, branch, total, y, m, logits, probabilities: softmax(logits), loss };
}

/** Runs the program on the plain tier, whose numbers are those of the text to the last bit on every machine. */
export function runTour(state: TourState): TourRun {
  const before = useKernels("plain");
  try {
    const copy = (rows: readonly (readonly number[])[]): number[][] => rows.map((row) => [...row]);
    const tensors = tensorsOf(copy(state.image), copy(state.filter), state.cut);
    const { logits, m, y, total, branch, loss } = tensors;
    const grads = backward(loss, { keep: [...new Set([logits, m, y, total, branch])] });
    return { tensors, grads };
  } finally {
    useKernels(before);
  }
}
