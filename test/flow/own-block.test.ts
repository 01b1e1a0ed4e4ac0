/**
 * A block of one's own that has something of its own after the addition: every instrument sees what it does, whatever its
 * order is called. By hand: y = 2·(x + 3x), so that a gradient is doubled by each block and tripled by each branch.
 */
import { expect, it } from "vitest";
import * as S from "../../src/index.ts";
import { afterAddition } from "../../src/resnet/block.ts";

/** y = after(x + wx). */
class Own extends S.Module {
  readonly shortcut = "identity";
  readonly order: S.Order;
  readonly weight: S.Tensor = S.parameter(S.tensor([3]));
  readonly after: (y: S.Tensor) => S.Tensor;

  constructor(after: (y: S.Tensor) => S.Tensor = (y) => S.mul(y, 2), order: S.Order = "pre") {
    super();
    this.after = after;
    this.order = order;
  }

  branch(x: S.Tensor): S.Tensor {
    return S.mul(x, this.weight);
  }

  skip(x: S.Tensor): S.Tensor {
    return x;
  }

  zeroInitLast(): void {
    this.weight.assign([0]);
  }

  forward(x: S.Tensor): S.Tensor {
    return this.after(S.add(this.skip(x), this.branch(x)));
  }
}

/** The same, and it can be collapsed. */
class Collapsible extends Own {
  collapsed = false;

  override forward(x: S.Tensor): S.Tensor {
    return this.collapsed ? this.after(this.skip(x)) : super.forward(x);
  }
}

const x = S.tensor([[1, 3, 1, 3]]);
const chain = (n = 3): S.Sequential => new S.Sequential(...Array.from({ length: n }, () => new Own()));
const total = (model: S.Module) => (): S.Tensor => S.sum(model.forward(x));

it.each([Own, Collapsible])("%o deleted is what its `after` makes of its shortcut", async (Block) => {
  const model = new S.Sequential(new Block(), new Block());
  const measure = (): number => total(model)().item();
  const values = (await S.lesions(model, measure)).map(({ value }) => value);
  expect(values).toEqual([8 * 8 * 8, 8 * 2 * 8, 8 * 8 * 2]);
  expect((await S.manyLesions(model, measure, { counts: [2], trials: 1 }))[0].value).toBe(8 * 2 * 2);
  expect(measure()).toBe(8 * 8 * 8);
});

it("collapsed and expanded: an expansion changes no output", () => {
  const model = new S.Sequential(new Collapsible(), new Collapsible());
  const expansion = new S.Expansion(model, { at: [5] });
  expect(expansion.collapsed).toEqual(["1"]);
  expect(model.forward(x).toArray()).toEqual([[16, 48, 16, 48]]);
  expansion.before(5);
  expect(model.forward(x).toArray()).toEqual([[16, 48, 16, 48]]);
  expect(expansion.collapsed).toEqual([]);
});

it("certified: what follows the addition is on the way, also where the order has nothing there", () => {
  const verdicts = (after: (y: S.Tensor) => S.Tensor, order: S.Order): unknown[] => {
    const model = new S.Sequential(new Own(after, order), new Own(after, order));
    const certificate = S.certify(model, S.tensor([[1, -3]]));
    expect(S.verifyCertificate(certificate, model, S.tensor([[1, -3]])).valid).toBe(true);
    return certificate.blocks.map(({ verdict, factor }) => [verdict, factor]);
  };
  const twice = (word: string, factor: number | null) => [
    [word, factor],
    [word, factor],
  ];
  for (const order of ["pre", "post"] as const) {
    expect(verdicts((y) => y, order)).toEqual(twice("identity", 1));
    expect(verdicts((y) => S.mul(y, 2), order)).toEqual(twice("scale", 2));
    expect(verdicts(S.relu, order)).toEqual(twice("mask", 1));
  }
});

it("shares: what follows the addition belongs to the shortcut and to the branch", () => {
  const model = chain();
  const rows = S.identityShares(model, total(model));
  // The first block's input is data, which asks for no gradient: the block has its row all the same.
  expect(rows.map(({ block, identityShare }) => [block, identityShare])).toEqual([
    ["0", 2 / 8],
    ["1", 2 / 8],
    ["2", 2 / 8],
  ]);
  expect(rows.every(({ gradientNorm, upstreamNorm }) => gradientNorm === 8 * upstreamNorm)).toBe(true);
  expect(S.networkShare(model, total(model)).identityShare).toBe(2 ** 3 / 8 ** 3);
});

it("path lengths: a path through k branches has 2ⁿ·3ᵏ of the gradient", () => {
  const model = chain();
  const rows = S.pathGradients(model, total(model));
  // ‖(1, 1, 1, 1)‖ = 2.
  expect(rows.map(({ length, gradient }) => [length, gradient])).toEqual(
    [0, 1, 2, 3].map((k) => [k, 2 * 2 ** 3 * 3 ** k]),
  );
});

it("spectra: of the block with what follows, of the branch without", () => {
  const spectra = S.blockSpectra(chain(1), x);
  expect(spectra.map(({ part, singularValue }) => [part, singularValue])).toEqual([
    ...[8, 8, 8, 8].map((value) => ["block", value]),
    ...[3, 3, 3, 3].map((value) => ["branch", value]),
  ]);
});

it.each([
  ["post", [0, 2]],
  ["bnAfterAddition", [0, 2]],
  ["reluBeforeAddition", [-1, 2]],
  ["reluOnlyPre", [-1, 2]],
  ["pre", [-1, 2]],
  ["none that there is", [-1, 2]],
])("without `after`, order %s: what the order has after the addition, but for a norm", (order, expected) => {
  const block = { order } as unknown as S.ResidualBlock;
  expect([...afterAddition(block, S.tensor([-1, 2])).data]).toEqual(expected);
});
