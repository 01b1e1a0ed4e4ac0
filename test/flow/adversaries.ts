/**
 * Residual blocks that are made to fool a certificate, described as data, so that a failure can be printed and made smaller.
 *
 * An expression is a tensor of one shape, computed from the block's input "x", from the network's input "earlier", and inside
 * ["let", value, body] from "s", the value. Everything keeps the shape, so any expression may stand in the place of another.
 */
import { needsGrad } from "../../src/autograd/graph.ts";
import * as S from "../../src/index.ts";
import { drawnMasks } from "./definition-oracle.ts";

const { add, mul, sub } = S;
type Rng = S.Rng;
type Tensor = S.Tensor;

export type Expression =
  | "x"
  | "earlier"
  | "s"
  | "constant"
  | readonly [pair: string, Expression, Expression]
  | readonly [unary: string, number, Expression];

export const PAIRS: Readonly<Record<string, (a: Tensor, b: Tensor) => Tensor>> = {
  add: S.add,
  sub: S.sub,
  mul: S.mul,
  maximum: S.maximum,
  minimum: S.minimum,
  halves: (a, b) => add(mul(a, 0.5), mul(0.5, b)),
  /** The first two channels of one, the last two of the other. */
  joined: (a, b) => S.concat([channels(a, 0, 2), channels(b, 2, 4)], 1),
  stacked: (a, b) => S.sum(S.stack([a, b], -1), -1),
  first: (a, b) => S.reshape(S.slice(S.stack([a, b]), [[0, 1]]), a.shape),
};

function channels(t: Tensor, from: number, to: number): Tensor {
  return S.slice(t, [null, [from, to]]);
}

/** Some channels, the others zero. */
function only(t: Tensor, [from, to]: readonly [number, number]): Tensor {
  const rest = t.shape.slice(2).map(() => [0, 0] as const);
  return S.pad(channels(t, from, to), [[0, 0], [from, 4 - to], ...rest]);
}

const SCALES = [0.5, 2, -1, 1, 0, 0.999, 0.7, 3, 1e-3];
const DIVISORS = [2, 4, 3, -1];
const RANGES: readonly (readonly [number, number])[] = [
  [0, 2],
  [2, 4],
  [0, 4],
  [1, 3],
  [2, 2],
  [0, 3],
];

/** What a case is asked besides its tensor: `n` is 0 … 11, and decides all that is left open. */
interface Ways {
  readonly n: number;
  readonly weights: Weights;
}

export const UNARY: Readonly<Record<string, (t: Tensor, ways: Ways) => Tensor>> = {
  scale: (t, { n }) => (n % 2 ? mul(t, SCALES[n % SCALES.length]) : mul(SCALES[n % SCALES.length], t)),
  divide: (t, { n }) => S.div(t, DIVISORS[n % DIVISORS.length]),
  neg: (t) => S.neg(t),
  tap: (t) => S.tap(t, () => {}),
  detach: (t) => S.detach(t),
  unrecorded: (t) => S.noGrad(() => mul(t, 1)),
  flat: (t, { n }) => S.reshape(n % 2 ? S.flatten(t) : S.reshape(t, [t.size, 1]), t.shape),
  there: (t) => {
    const axes = t.shape.map((_, axis) => (axis + 1) % t.rank);
    return S.permute(
      S.permute(t, axes),
      axes.map((_, axis) => (axis - 1 + t.rank) % t.rank),
    );
  },
  turned: (t) => (t.rank > 2 ? S.transpose(t, -1, 2) : S.reshape(S.transpose(t, 0, 1), t.shape)),
  only: (t, { n }) => only(t, RANGES[n % RANGES.length]),
  split: (t) => S.concat([channels(t, 0, 1), channels(t, 1, 4)], 1),
  swapped: (t) => S.concat([channels(t, 2, 4), channels(t, 0, 2)], 1),
  select: (t, { weights }) => S.indexSelect(t, 1, weights.index(4)),
  order: (t, { weights }) => S.indexSelect(t, 1, weights.order()),
  gather: (t, { weights }) => S.gather(t, 1, { data: weights.index(t.size), shape: t.shape }),
  spread: (t, { n }) => S.expand((n % 2 ? S.sum : S.mean)(t, 1, { keepDim: true }), t.shape),
  lessMean: (t, { n }) => sub(t, S.mean(t, n % 2 ? 1 : undefined, { keepDim: true })),
  timesMean: (t) => mul(t, S.mean(t, 1, { keepDim: true })),
  lessMax: (t) => sub(t, S.max(t, 1, { keepDim: true })),
  ones: (t, { n }) => mul(t, S.ones(n % 2 ? t.shape : [4, ...t.shape.slice(2)])),
  constants: (t, { weights }) => mul(t, weights.random(t.shape)),
  relu: (t) => S.relu(t),
  opened: (t) => S.relu(add(t, 1000)),
  leaky: (t, { n }) => S.leakyRelu(t, [1, 0.5, 0, -1][n % 4]),
  clamp: (t, { n }) => (n % 2 ? S.clamp(t, -1e30, 1e30) : S.clamp(t, -0.5, 0.5)),
  where: (t, { n }) => S.where(S.gt(t, n % 2 ? -1e30 : 0), t, n % 4 === 0 ? 0 : S.mul(t, 0.5)),
  sorted: (t) => S.topK(t, 4, { axis: 1, largest: t.rank % 2 === 0 }).values,
  moved: (t, { n }) =>
    S.pad(
      t,
      t.shape.map((_, axis) => (axis === 1 ? [-(n % 3), n % 3] : [0, 0])),
    ),
  floor: (t) => S.floor(t),
  abs: (t) => S.abs(t),
  atLeast: (t, { n }) => S.maximum(t, n % 2 ? -1e30 : 0),
  square: (t) => mul(t, t),
  swish: (t) => mul(t, S.sigmoid(t)),
  tanh: (t) => S.tanh(t),
  power: (t, { n }) => S.pow(t, n % 2 ? 1 : 2),
  dropout: (t, { n, weights }) => weights.drop(t, n % 2 ? 0.5 : 0.25),
  filter: (t, { n, weights }) => apply(t, n % 2 ? S.eye(4) : weights.random([4, 4])),
  branch: (t, { n, weights }) => apply(S.tanh(t), weights.parameter([4, 4], n)),
  gate: (t, { n, weights }) => mul(t, S.sigmoid(apply(t, weights.parameter([4, 4], n)))),
  hidden: (t, { n, weights }) => mul(t, hide(weights.parameter([1], n), n, t)),
  biased: (t, { n, weights }) => add(t, weights.parameter([1], n)),
  cut: (t, { n, weights }) => mul(t, S.detach(weights.parameter([1], n))),
  norm: (t, { n, weights }) => {
    const wide = t.rank > 2 ? t : S.reshape(t, [...t.shape, 1, 1]);
    const fixed = { training: false, runningMean: S.zeros([4]), runningVar: S.ones([4]), eps: 0 };
    const weight = n % 4 === 0 ? weights.parameter([4], n) : null;
    return S.reshape(S.batchNorm(wide, weight, null, n % 4 > 1 ? fixed : { training: true }), t.shape);
  },
};

/** Channels through a matrix. */
function apply(t: Tensor, w: Tensor): Tensor {
  return t.rank > 2 ? S.conv2d(t, S.reshape(w, [4, 4, 1, 1])) : S.linear(t, w);
}

/** A parameter behind operations that have no weights. */
function hide(w: Tensor, n: number, t: Tensor): Tensor {
  return [
    (): Tensor => w,
    (): Tensor => S.reshape(w, []),
    (): Tensor =>
      S.expand(
        S.reshape(
          w,
          t.shape.map(() => 1),
        ),
        t.shape,
      ),
    (): Tensor => sub(mul(w, 2), w),
    (): Tensor => add(w, sub(S.mean(t), S.mean(t))),
    (): Tensor => mul(S.ones(t.shape), w),
  ][Math.floor(n / 2) % 6]();
}

/** What a block has besides its expression. Everything is made once, when it is first asked for. */
export class Weights {
  readonly parameters: Tensor[] = [];
  readonly rng: Rng;
  readonly drop: (t: Tensor, p: number) => Tensor;
  #made: unknown[] = [];
  #next = 0;

  constructor(seed: number) {
    this.rng = new S.Rng(seed);
    const draws = new S.Rng(seed + 1);
    this.drop = (t, p) => {
      const again = new S.Rng(draws);
      const y = S.dropout(t, p, { rng: draws });
      drawnMasks.set(
        y,
        Float32Array.from({ length: t.size }, () => (again.uniform() < p ? 0 : 1 / (1 - p))),
      );
      return y;
    };
  }

  restart(): void {
    this.#next = 0;
  }

  parameter(shape: readonly number[], n: number): Tensor {
    return this.#once(() => {
      const t = S.parameter([S.zeros(shape), S.ones(shape), S.randn(shape, this.rng)][n % 3]);
      this.parameters.push(t);
      return t;
    });
  }

  random(shape: readonly number[]): Tensor {
    return this.#once(() => S.randn(shape, this.rng));
  }

  index(size: number): number[] {
    return this.#once(() => Array.from({ length: size }, () => this.rng.integer(4)));
  }

  order(): number[] {
    return this.#once(() => [...this.rng.permutation(4)]);
  }

  #once<T>(make: () => T): T {
    const place = this.#next++;
    this.#made[place] ??= make();
    return this.#made[place] as T;
  }
}

/** What the blocks of one network share: the network's input, and where forward passes are written down. */
export interface Trace {
  earlier: Tensor | null;
  calls: { readonly x: Tensor; readonly y: Tensor }[];
  /** Leaves that are no parameters. */
  readonly entrances: Set<Tensor>;
}

export class Adversary extends S.Module {
  readonly shortcut = "identity";
  readonly order = "pre";
  readonly learned: readonly Tensor[];
  readonly #expression: Expression;
  readonly #weights: Weights;
  readonly #trace: Trace;

  constructor(expression: Expression, seed: number, shape: readonly number[], trace: Trace) {
    super();
    this.#expression = expression;
    this.#weights = new Weights(seed);
    this.#trace = trace;
    // A first pass makes the parameters.
    trace.earlier = S.zeros(shape);
    this.#compute(trace.earlier);
    this.learned = this.#weights.parameters;
  }

  branch(x: Tensor): Tensor {
    return this.forward(x);
  }

  skip(x: Tensor): Tensor {
    return x;
  }

  zeroInitLast(): void {
    throw new Error("an Adversary does not start as zero");
  }

  forward(input: Tensor): Tensor {
    // As `certify` does it: a block behind a detach has an entrance of its own.
    const x = needsGrad(input) ? input : S.detach(input);
    if (x !== input) {
      x.requiresGrad = true;
      this.#trace.entrances.add(x);
    }
    const y = this.#compute(x);
    this.#trace.calls.push({ x, y });
    return y;
  }

  #compute(x: Tensor): Tensor {
    this.#weights.restart();
    return this.#evaluate(this.#expression, x, x);
  }

  #evaluate(e: Expression, x: Tensor, shared: Tensor): Tensor {
    if (e === "x") return x;
    if (e === "s") return shared;
    if (e === "earlier") return this.#trace.earlier ?? x;
    if (e === "constant") return this.#weights.random(x.shape);
    const [op, second, third] = e;
    if (typeof second === "number") {
      return UNARY[op](this.#evaluate(third, x, shared), { n: second, weights: this.#weights });
    }
    const a = this.#evaluate(second, x, shared);
    return op === "let" ? this.#evaluate(third, x, a) : PAIRS[op](a, this.#evaluate(third, x, shared));
  }
}
