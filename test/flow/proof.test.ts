/** The blocks that fooled a certificate which looked for one path: cancelled, lost, repeated, shared and hidden ways. */
import { describe, expect, it } from "vitest";
import { record } from "../../src/autograd/graph.ts";
import * as S from "../../src/index.ts";
import { numbersOf, toValues } from "../../src/tensor/memory.ts";

const { add, mul, Rng, relu, sub, tensor } = S;
type Tensor = S.Tensor;

const x = S.randn([2, 4, 3, 3], new Rng(1));
const conv = (seed: number): S.Conv2d => new S.Conv2d(4, 4, 3, { padding: 1, rng: new Rng(seed) });

/** A block of one's own: any function of x and of what a branch with weights makes of x. */
class Block extends S.Module {
  readonly shortcut = "identity";
  readonly order = "pre";
  readonly f: S.Conv2d = conv(2);
  readonly #compute: (x: Tensor, f: (x: Tensor) => Tensor) => Tensor;

  constructor(compute: (x: Tensor, f: (x: Tensor) => Tensor) => Tensor) {
    super();
    this.#compute = compute;
  }

  branch(x: Tensor): Tensor {
    return this.f.forward(relu(x));
  }

  skip(x: Tensor): Tensor {
    return x;
  }

  zeroInitLast(): void {
    S.init.constant(this.f.weight, 0);
  }

  forward(x: Tensor): Tensor {
    return this.#compute(x, (t) => this.branch(t));
  }
}

const channels = (t: Tensor, from: number, to: number): Tensor => S.slice(t, [null, [from, to]]);
const zerosLike = (t: Tensor): Tensor => S.zeros(t.shape);
/** Channels `from` to `to`, the others zero. */
const only = (t: Tensor, from: number, to: number): Tensor =>
  S.pad(channels(t, from, to), [
    [0, 0],
    [from, 4 - to],
    [0, 0],
    [0, 0],
  ]);

/** Drops the same entries each time. */
const dropped = (t: Tensor): Tensor => S.dropout(t, 0.5, { rng: new Rng(3) });
const fixed = S.randn([4, 4, 1, 1], new Rng(6));

type Compute = (x: Tensor, f: (x: Tensor) => Tensor) => Tensor;
type Expected = Partial<S.BlockCertificate>;

/** Each channel less the one before. */
const stepsOf = (x: S.Tensor): S.Tensor =>
  sub(
    x,
    S.pad(channels(x, 0, 3), [
      [0, 0],
      [1, 0],
      [0, 0],
      [0, 0],
    ]),
  );

/** Ways around the branch, to which F(x) is added, and what the sum is certified to be. */
const ways: readonly [string, Compute, S.BlockCertificate["verdict"], Expected?][] = [
  ["x + F(x)", (x) => x, "identity", { ways: 1, gain: 1, open: 1, factor: 1 }],
  ["x − 0.999x", (x) => sub(x, mul(x, 0.999)), "scale", { ways: 2, gain: 0.000999987 }],
  ["a selection of nothing", (x) => only(x, 2, 2), "zero", { gain: 0, open: 0 }],
  ["channels 0–1, and of them 2–3", (x) => only(only(x, 0, 2), 2, 4), "zero", { open: 0 }],
  ["a repeated selection", (x) => S.indexSelect(x, 1, [0, 0, 2, 2]), "mixed", { factor: 1, arriving: 72 }],
  ["a reordering", (x) => S.indexSelect(x, 1, [3, 1, 2, 0]), "selection", { open: 1, gain: 1 }],
  ["a selection", (x) => only(x, 0, 2), "selection", { open: 0.5, arriving: 36, sent: 72 }],
  ["two selections that are one identity", (x) => add(only(x, 0, 2), only(x, 2, 4)), "identity", { ways: 2, gain: 1 }],
  ["two halves, joined", (x) => S.concat([channels(x, 0, 2), channels(x, 2, 4)], 1), "identity", { gain: 1, ways: 2 }],
  ["half and half", (x) => add(mul(x, 0.5), mul(x, 0.5)), "identity", { ways: 2 }],
  ["doubled", (x) => add(x, x), "scale", { factor: 2, ways: 2 }],
  ["2x − x", (x) => sub(mul(x, 2), x), "identity"],
  ["x·3/3, of which float64 cannot tell", (x) => S.div(mul(x, 3), 3), "undecided"],
  ["times ones", (x) => mul(x, S.ones(x.shape)), "identity"],
  ["times other constants", (x) => mul(x, S.randn(x.shape, new Rng(5))), "scale", { factor: null }],
  ["a clamp that is never reached", (x) => S.clamp(x, -1e30, 1e30), "identity", { onThisInput: true }],
  ["a clamp that is", (x) => S.clamp(x, -1, 1), "mask", { onThisInput: true }],
  ["a leaky ReLU of slope 1", (x) => S.leakyRelu(x, 1), "identity"],
  ["a leaky ReLU", (x) => S.leakyRelu(x, 0.5), "scale", { factor: null }],
  ["a mean over channels", (x) => S.expand(S.mean(x, 1, { keepDim: true }), x.shape), "mixed"],
  ["less its mean", (x) => sub(x, S.mean(x, 1, { keepDim: true })), "mixed"],
  ["a detached shortcut", (x) => S.detach(x), "transform", { ways: 0 }],
  ["computed under noGrad", (x) => S.noGrad(() => mul(x, 1)), "transform", { ways: 0 }],
  ["times x", (x) => mul(x, x), "scale", { onThisInput: true, factor: null }],
  ["silu", (x) => S.silu(x), "scale", { onThisInput: true, factor: null }],
  ["its sign", (x) => S.sign(x), "zero"],
  ["rounded", (x) => S.round(x), "zero"],
  ["compared", (x) => S.gt(x, 0), "zero"],
  ["where it is positive", (x) => S.where(S.gt(x, 0), x, 0), "mask", { onThisInput: true }],
  ["one or the other by a constant mask, both x", (x) => S.where(S.eye(3), x, x), "identity", { ways: 2 }],
  ["moved by a pixel", (x) => S.pad(x, [[0, 0], [0, 0], [-1, 1], [0, 0]]), "selection", { arriving: 48 }], // biome-ignore format: a list
  ["sorted", (x) => S.topK(x, 3).values, "mask", { open: 1, onThisInput: true }],
  ["an elu, whose factors may be 1 because they are rounded", (x) => S.elu(x), "undecided"],
  ["to the first power", (x) => S.pow(x, 1), "identity"],
  ["the larger of x and −10", (x) => S.maximum(x, -10), "identity", { onThisInput: true }],
  [
    "the smallest of x and x + 10",
    (x) => S.min(S.stack([x, add(x, 10)]), 0),
    "identity",
    { onThisInput: true, ways: 2 },
  ],
  ["… and where it is", (x) => S.minWithIndices(S.stack([x, add(x, 10)]), 0).values, "identity", { ways: 2 }],
  ["a running sum", (x) => S.cumsum(x, 1), "mixed", { onThisInput: false }],
  ["a running sum, from behind", (x) => S.cumsum(x, -1), "mixed"],
  ["a running sum less its terms before", (x) => stepsOf(S.cumsum(x, 1)), "identity", { ways: 2 }],
  ["the product with 0.5, of which it is not asked", (x) => S.prod(S.stack([x, S.full(x.shape, 0.5)]), 0), "scale"],
  ["a filter that is the identity", (x) => S.conv2d(x, S.reshape(S.eye(4), [4, 4, 1, 1])), "identity"],
  [
    "a transposed convolution with a filter that is the identity",
    (x) => S.convTranspose2d(x, S.reshape(S.eye(4), [4, 4, 1, 1])),
    "identity",
  ],
  [
    "through a transposed convolution that doubles the size, and every second pixel of that",
    (x) => {
      const identity = S.reshape(S.eye(4), [4, 4, 1, 1]);
      const twice = S.convTranspose2d(x, identity, null, { stride: 2, outputPadding: 1 });
      return S.interpolate(twice, { scaleFactor: 0.5 });
    },
    "identity",
  ],
  [
    "twice the size, and back",
    (x) => S.interpolate(S.interpolate(x, { scaleFactor: 2 }), { scaleFactor: 0.5 }),
    "identity",
  ],
  [
    "bilinear to twice the size, and every second pixel of that",
    (x) => S.interpolate(S.interpolate(x, { scaleFactor: 2, mode: "bilinear" }), { scaleFactor: 0.5 }),
    "mixed",
  ],
  ["pooled, one pixel a window", (x) => S.maxPool2d(x, { kernelSize: 1 }), "identity"],
  ["averages", (x) => S.avgPool2d(x, { kernelSize: 3, stride: 1, padding: 1 }), "mixed"],
  ["a gate of frozen weights", (x, f) => mul(x, S.sigmoid(f(x))), "gate", { gain: 0 }],
  ["batch norm without weights", (x) => S.batchNorm(x, null, null, { training: true }), "undecided"],
  ["zero", (x) => mul(x, 0), "zero"],
  ["dropout", dropped, "mask", { factor: 2 }],
  ["dropout of a selection", (x) => dropped(only(x, 0, 2)), "mask", { factor: 2 }],
  ["dropout, twice the same", (x) => ((d) => add(d, d))(dropped(x)), "scale", { factor: 4 }],
  ["dropout of half of the channels", (x) => add(only(x, 0, 2), only(dropped(x), 2, 4)), "mask", { factor: null }],
  [
    "less its maximum, where it depends on its mean",
    (x) => ((t) => sub(t, S.max(t, 1, { keepDim: true })))(mul(x, S.mean(x, 1, { keepDim: true }))),
    "mixed",
  ],
  [
    "a third, and what cancels",
    (x) => ((s) => add(S.div(x, 3), S.conv2d(s, fixed)))(sub(x, x)),
    "scale",
    { factor: 0.3333333333 },
  ],
];

/** Blocks that are not the sum of a way and F(x). */
const others: typeof ways = [
  ["a branch that takes the identity back", (x, f) => add(x, sub(f(x), x)), "zero", { gain: 0, ways: 2 }],
  [
    "residual in residual: x + b(a(x))",
    (x, f) => ((a) => add(x, add(a, f(a))))(add(x, f(x))),
    "scale",
    { factor: 2, ways: 2 },
  ],
  ["nothing but the branch", (x, f) => f(x), "transform", { ways: 0 }],
  ["x alone", (x) => x, "identity", { gain: 1 }],
  ["dropout, turned round", (x, f) => sub(f(x), dropped(x)), "scale", { factor: -2 }],
];

const cases: typeof ways = [
  ...ways.map(([name, way, ...rest]) => [name, (x, f) => add(way(x, f), f(x)), ...rest] as (typeof ways)[number]),
  ...others,
];

describe.each(["plain", "simd"] as const)("%s", (tier) => {
  it.each(cases)("%s", (_, compute, verdict, more) => {
    const holds = verdict === "identity" || verdict === "selection";
    const before = S.useKernels(tier);
    try {
      const block = new Block(compute);
      const certificate = S.certify(block, x);
      expect(certificate.blocks[0]).toMatchObject({ verdict, holds, ...more });
      expect(S.verifyCertificate(JSON.parse(JSON.stringify(certificate)), block, x)).toMatchObject({ failures: [] });
      // With the weights at zero nothing else is claimed.
      block.zeroInitLast();
      expect(S.certify(block, x).blocks[0].holds).toBe(holds);
    } finally {
      S.useKernels(before);
    }
  });
});

describe("networks", () => {
  it("30 blocks that take the identity back pass nothing", () => {
    const blocks = Array.from({ length: 30 }, () => new Block((x, f) => add(x, sub(f(x), x))));
    const { holds, whole, summary } = S.certify(new S.Sequential(...blocks), x);
    expect([holds, whole.verdict, whole.ways]).toEqual([false, "zero", 2 ** 30]);
    expect(summary).toBe("Not certified: of 30 shortcuts, 30 pass nothing.");
  });

  it("an open mask is the identity on this input", () => {
    const raised = new Block((x, f) => relu(add(add(x, f(x)), 100)));
    expect(S.certify(raised, x).blocks[0]).toMatchObject({ holds: true, verdict: "identity", onThisInput: true });
    const certificate = S.certify(new Block((x, f) => relu(add(x, f(x)))), x);
    expect(certificate.blocks[0]).toMatchObject({ holds: false, verdict: "mask", onThisInput: true });
  });

  it("a counterexample says which entry is lost, and where", () => {
    const [{ counterexample, path }] = S.certify(new Block((x, f) => relu(add(x, f(x)))), x).blocks;
    expect(path[counterexample!.step!].op).toBe("relu");
    expect(counterexample!.arrives).toEqual([]);
    const [twice] = S.certify(new Block((x, f) => add(S.indexSelect(x, 1, [0, 0, 2, 2]), f(x))), x).blocks;
    expect(twice.counterexample).toMatchObject({ entry: 9, arrives: [{ entry: 0, factor: 1 }] });
  });

  it("an input without numbers is an error", () => {
    const empty = S.zeros([0, 4, 3, 3]);
    expect(() => S.certify(new Block((x, f) => add(x, f(x))), empty)).toThrow(
      "certify: x [0,4,3,3] has no numbers: there is nothing to certify",
    );
  });

  it("blocks whose input asks for no gradient, blocks called twice, shared blocks", () => {
    class Detached extends S.Module {
      readonly block: Block = new Block((x, f) => add(mul(x, 0.5), f(x)));
      forward(x: Tensor): Tensor {
        return this.block.forward(this.block.forward(S.detach(x)));
      }
    }
    const { blocks, whole } = S.certify(new Detached(), x);
    expect(blocks.map(({ block, call, factor }) => [block, call, factor])).toEqual([
      ["block", 1, 0.5],
      ["block", 2, 0.5],
    ]);
    expect(whole).toMatchObject({ factor: 0.25, from: "block", to: "block (call 2)", cut: null });
  });

  it("between blocks: where a detach or a constant cuts the graph, nothing is claimed of the whole way", () => {
    class Between extends S.Module {
      readonly a: Block = new Block((x, f) => add(x, f(x)));
      readonly b: Block = new Block((x, f) => add(x, f(x)));
      readonly #between: (y: Tensor, x: Tensor) => Tensor;
      constructor(between: (y: Tensor, x: Tensor) => Tensor) {
        super();
        this.#between = between;
      }
      forward(x: Tensor): Tensor {
        return this.b.forward(this.#between(this.a.forward(x), x));
      }
    }
    for (const between of [S.detach, (y: Tensor): Tensor => S.noGrad(() => mul(y, 1)), zerosLike]) {
      const model = new Between(between);
      const certificate = S.certify(model, x);
      const { holds, blocks, whole, summary } = certificate;
      expect([holds, ...blocks.map((block) => block.holds)]).toEqual([false, true, true]);
      expect(whole).toMatchObject({ verdict: "undecided", from: "a", to: "b", cut: "b", ways: 0, gain: 0 });
      expect(summary).toMatch(/^Undecided: every block passes the gradient, but the graph is cut at b/);
      const copy = JSON.parse(JSON.stringify(certificate)) as S.Certificate;
      expect(S.verifyCertificate(copy, model, x)).toEqual({ valid: true, failures: [], unchecked: [] });
      const forged: S.Certificate = { ...copy, whole: { ...whole, verdict: "identity" } };
      expect(S.verifyCertificate(forged, model, x).valid).toBe(false);
    }
    // A constant that is learned, and a detour around a block.
    const learned = S.parameter(S.zeros([1]));
    for (const [between, cut] of [
      [(y: Tensor): Tensor => add(S.detach(y), learned), "b"],
      [(y: Tensor, x: Tensor): Tensor => add(S.detach(y), x), "a"],
    ] as const) {
      const model = new Between(between);
      const certificate = S.certify(model, x);
      expect([certificate.holds, certificate.whole.verdict, certificate.whole.cut]).toEqual([false, "undecided", cut]);
      expect(S.verifyCertificate(certificate, model, x)).toEqual({ valid: true, failures: [], unchecked: [] });
    }
  });

  it("two towers are two ways, also behind what is not recorded", () => {
    class Towers extends S.Module {
      readonly a: Block = new Block((x, f) => add(x, f(x)));
      readonly b: Block = new Block((x, f) => add(x, f(x)));
      readonly #stem: (x: Tensor) => Tensor;
      constructor(stem: (x: Tensor) => Tensor) {
        super();
        this.#stem = stem;
      }
      forward(x: Tensor): Tensor {
        const h = this.#stem(x);
        return add(this.a.forward(h), this.b.forward(h));
      }
    }
    for (const stem of [relu, S.detach]) {
      const { holds, whole } = S.certify(new Towers(stem), x);
      expect([holds, whole.verdict, whole.cut]).toEqual([true, "identity", null]);
    }
  });

  it("more ways than a whole number can count", () => {
    const thrice = (): Block => new Block((x, f) => add(add(add(x, x), x), f(x)));
    for (const [blocks, ways] of [
      [3, 27],
      [60, 4.239115828e28],
      [700, Number.MAX_VALUE],
    ]) {
      const small = S.slice(x, [[0, 1], null, [0, 1], [0, 1]]);
      const model = new S.Sequential(...Array.from({ length: blocks }, thrice));
      const certificate = S.certify(model, small);
      expect(certificate.whole.ways).toBe(ways);
      expect(S.verifyCertificate(JSON.parse(JSON.stringify(certificate)), model, small).failures).toEqual([]);
    }
  });

  it("blocks in blocks, two outputs, two inputs", () => {
    class Outer extends Block {
      readonly inner: Block = new Block((x, f) => add(x, f(x)));
      constructor() {
        super((x, f) => add(x, f(this.inner.forward(x))));
      }
    }
    const nested = S.certify(new S.Sequential(new Outer(), new Outer()), x);
    expect(nested.blocks.map(({ block }) => block)).toEqual(["0.inner", "0", "1.inner", "1"]);
    expect([nested.holds, nested.whole.from, nested.whole.to]).toEqual([true, "0.inner", "1"]);

    class Heads extends S.Module<Tensor, Record<string, Tensor>> {
      readonly trunk: Block = new Block((x, f) => add(x, f(x)));
      readonly a: Block = new Block((x, f) => add(x, f(x)));
      readonly b: Block = new Block((x, f) => relu(add(x, f(x))));
      forward(x: Tensor): Record<string, Tensor> {
        const y = this.trunk.forward(x);
        return { a: this.a.forward(y), b: this.b.forward(y) };
      }
    }
    const heads = S.certify(new Heads() as unknown as S.Module, x);
    expect(heads.blocks.map(({ verdict }) => verdict)).toEqual(["identity", "identity", "mask"]);
    expect(heads.whole).toMatchObject({ verdict: "mask", from: "trunk", to: "b" });
  });

  it("a hidden parameter is one: behind a reshape, a product, a stretch, frozen or not", () => {
    class Hidden extends Block {
      readonly w: Tensor = S.parameter(S.ones([1]));
      constructor(hide: (w: Tensor, x: Tensor) => Tensor) {
        super((x, f) => add(mul(x, hide(this.w, x)), f(x)));
      }
    }
    for (const hide of [
      (w: Tensor): Tensor => w,
      (w: Tensor): Tensor => S.reshape(w, []),
      (w: Tensor, t: Tensor): Tensor => S.expand(S.reshape(w, [1, 1, 1, 1]), t.shape),
      (w: Tensor): Tensor => sub(mul(w, 2), 1),
      (w: Tensor, t: Tensor): Tensor => add(w, zerosLike(t)),
    ]) {
      const block = new Hidden(hide);
      expect(S.certify(block, x).blocks[0]).toMatchObject({ holds: false, verdict: "gate", ways: 0 });
      S.freeze(block);
      expect(S.certify(block, x).blocks[0]).toMatchObject({ holds: false, ways: 0 });
    }
  });

  it("an operation whose derivative does not do what its name says is found out", () => {
    const wrong = (x: Tensor): Tensor =>
      record("reshape", x.clone(), [x], (gy) => [toValues(numbersOf(gy).map((v) => 0.99 * v))]);
    const unknown = (x: Tensor): Tensor => record("mine", x.clone(), [x], (gy) => [gy]);
    for (const way of [wrong, unknown]) {
      const block = new Block((x, f) => add(way(x), f(x)));
      expect(S.certify(block, x).blocks[0]).toMatchObject({ holds: false, verdict: "undecided" });
    }
  });

  it("certifies a draw, and leaves the generator as it was", () => {
    const rng = new Rng(3);
    const block = new Block((x, f) => add(S.dropout(x, 0.5, { rng }), f(x)));
    const certificate = S.certify(block, x);
    expect(certificate.draws).toEqual([{ state: [...new Rng(3).state], spare: null }]);
    expect(rng).toEqual(new Rng(3));
    expect(certificate.blocks[0]).toMatchObject({ verdict: "mask", factor: 2, onThisInput: true });
    rng.normal();
    expect(S.verifyCertificate(certificate, block, x)).toMatchObject({ valid: true });
  });

  it("open is a fraction, with projections too", () => {
    const { blocks, whole } = S.certify(
      S.cifarResNet(14, { width: 4, shortcut: "project", rng: new Rng(0) }),
      S.randn([2, 3, 8, 8], new Rng(1)),
    );
    for (const { open, arriving, sent } of [...blocks, whole]) {
      expect(open).toBe(arriving! / sent);
      expect(open).toBeLessThanOrEqual(1);
    }
  });

  it("says why it is undecided: an operation without a map, or rounding", () => {
    const reason = (compute: Compute): string => S.certify(new Block(compute), x).blocks[0].reason;
    expect(reason((x, f) => add(S.softmax(x, 1), f(x)))).toBe("undecided: the map of softmax is not written down");
    expect(reason((x, f) => add(S.div(mul(x, 3), 3), f(x)))).toBe("undecided: rounding decides it");
  });

  it("a product of matrices, from either side", () => {
    const row = S.randn([4, 4], new Rng(8), { requiresGrad: true });
    const w = S.randn([4, 4], new Rng(9), { requiresGrad: true });
    const branch = S.linear(relu(row), w);
    for (const same of [S.matmul(row, S.eye(4)), S.matmul(S.eye(4), row)]) {
      expect(S.certifyBetween(add(same, branch), row)).toMatchObject({ verdict: "identity", holds: true });
    }
    const turned = S.indexSelect(S.eye(4), 0, [1, 0, 3, 2]);
    expect(S.certifyBetween(add(S.matmul(turned, row), branch), row)).toMatchObject({ verdict: "selection", open: 1 });
  });

  it("a block that is never called, a promise, an input that is changed in place", () => {
    class Net extends S.Module<Tensor, unknown> {
      readonly block: Block = new Block((x, f) => add(x, f(x)));
      readonly #compute: (x: Tensor, block: Block) => unknown;
      constructor(compute: (x: Tensor, block: Block) => unknown) {
        super();
        this.#compute = compute;
      }
      forward(x: Tensor): unknown {
        return this.#compute(x, this.block);
      }
    }
    const certify = (compute: (x: Tensor, block: Block) => unknown, input = x): S.Certificate =>
      S.certify(new Net(compute) as unknown as S.Module, input);
    expect(certify((x) => relu(x)).summary).toBe("Not certified: Net has residual blocks, but called none.");
    expect(() => certify(async (x, block) => block.forward(x))).toThrow(/^certify: forward .*promise/);
    const input = S.ones(x.shape);
    const changing = (x: Tensor, block: Block): Tensor => {
      x.assign(mul(x, 2));
      return block.forward(x);
    };
    expect(() => certify(changing, input)).toThrow("certify: the Net changes its input in place");
    expect(input.data.every((v) => v === 1)).toBe(true);
  });

  it("two tensors of any graph are enough", () => {
    const t = S.randn([2, 4], new Rng(0), { requiresGrad: true });
    const w = S.randn([4, 4], new Rng(1), { requiresGrad: true });
    expect(S.certifyBetween(add(t, relu(S.linear(t, w))), t).verdict).toBe("identity");
    expect(S.certifyBetween(S.linear(t, w), t).verdict).toBe("none");
    expect(S.certifyBetween(mul(t, tensor([1, 1, 1, 1])), t).holds).toBe(true);
  });
});
