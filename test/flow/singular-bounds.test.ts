import { describe, expect, it } from "vitest";
import { watchingDraws } from "../../src/flow/draws.ts";
import { preservingBuffers } from "../../src/flow/preserve.ts";
import * as S from "../../src/index.ts";

const { BasicBlock, Rng, Sequential } = S;

/** Extreme singular values of the way through the model, for the draws that it would make next. */
function extremes(model: S.Module, x: S.Tensor): [number, number] {
  const values = watchingDraws(() =>
    preservingBuffers(model, () => S.singularValues(S.jacobian((t) => model.forward(t), x))),
  ).value;
  return [values.at(-1)!, values[0]];
}

function expectWithin([least, most]: [number, number], { low, high }: S.SingularBounds, name: string): void {
  expect(least, name).toBeGreaterThanOrEqual(low!);
  expect(most, name).toBeLessThanOrEqual(high!);
}

describe("singularBounds in training", () => {
  it("stochastic depth: bounds are of the draw that is certified, for each block and the whole way: 30 networks", () => {
    let skipped = 0;
    for (let seed = 0; seed < 30; seed++) {
      const rng = new Rng(seed);
      const net = new Sequential(...[1, 2, 3].map(() => new BasicBlock(2, 2, { order: "pre", survival: 0.5, rng })));
      const x = S.randn([2, 2, 3, 3], new Rng(seed + 100));
      const rows = S.singularBounds(net, x);
      expectWithin(extremes(net, x), rows.at(-1)!, `seed ${seed}`);
      S.certify(net, x).blocks.forEach(({ numeric }, i) => {
        const isSkipped = numeric!.branchNorm === 0;
        expect(rows[i].branchNorm === 0, `seed ${seed}, block ${i}`).toBe(isSkipped);
        if (isSkipped) skipped++;
      });
    }
    expect(skipped).toBeGreaterThan(20);
    expect(skipped).toBeLessThan(70);
  });

  it("batch norm couples examples: the bounds are of the whole batch, tight on ‖R‖ and above 0 for small branches", () => {
    for (let seed = 0; seed < 20; seed++) {
      const block = new BasicBlock(2, 2, { order: "pre", rng: new Rng(seed) });
      block.conv2.weight.assign(block.conv2.weight.data.map((w) => 0.02 * w));
      const x = S.randn([2, 2, 3, 3], new Rng(seed + 100));
      const [row] = S.singularBounds(block, x);
      expectWithin(extremes(block, x), row, `seed ${seed}`);
      const { rows, columns, values } = preservingBuffers(block, () => S.jacobian((t) => block.forward(t), x));
      const rest = Float64Array.from(values, (v, k) => v - (k % (columns + 1) === 0 ? 1 : 0));
      expect(Math.abs(S.singularValues({ rows, columns, values: rest })[0] - row.branchNorm!)).toBeLessThan(1e-7);
      expect(row.low).toBeGreaterThan(0.5);
    }
  });

  it("leaves running statistics and generators as they were", () => {
    const rng = new Rng(1);
    const net = new Sequential(new BasicBlock(2, 2, { order: "pre", survival: 0.5, rng }));
    const before = [JSON.stringify(net.stateDict()), [...rng.state].join()];
    S.singularBounds(net, S.randn([2, 2, 3, 3], new Rng(2)));
    expect([JSON.stringify(net.stateDict()), [...rng.state].join()]).toEqual(before);
  });
});
