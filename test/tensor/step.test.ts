import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { backward, valueAndGrad } from "../../src/autograd/backward.ts";
import { add, mul } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { tensor, zeros } from "../../src/tensor/create.ts";
import { type Floats, type Pool, usePool } from "../../src/tensor/memory.ts";
import { peek, type Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";

/** A pool of 64 numbers that overwrites what it takes back with NaN. */
class SmallPool implements Pool {
  readonly #buffer = new ArrayBuffer(256);
  #used = 0;
  resets = 0;

  allocate(size: number): Float32Array | undefined {
    if (this.#used + size > 64) return undefined;
    this.#used += size;
    return new Float32Array(this.#buffer, 4 * (this.#used - size), size);
  }

  owns(array: Floats): boolean {
    return array.buffer === this.#buffer;
  }

  reset(): void {
    new Float32Array(this.#buffer).fill(Number.NaN);
    this.#used = 0;
    this.resets++;
  }
}

let pool: SmallPool;
beforeEach(() => {
  useKernels("plain"); // Kernels that do not bring a memory of their own.
  pool = new SmallPool();
  usePool(pool);
});
afterEach(() => usePool(undefined));

const x = tensor([1, 2, 3]);
const pooled = (t: Tensor): boolean => pool.owns(peek(t));

describe("a step", () => {
  it("pools what is computed inside, copies out what it returns, and takes the rest back", () => {
    let inside: Tensor | undefined;
    const y = noGrad(() => {
      inside = mul(x, 2);
      expect(pooled(inside)).toBe(true);
      return add(inside, 1);
    });
    expect(y.toArray()).toEqual([3, 5, 7]);
    expect(pooled(y)).toBe(false);
    expect(pool.resets).toBe(1);
    expect(() => inside?.data).toThrow(
      "tensor: the values of this [3] are gone with the step that computed them: return it from the function given to noGrad or valueAndGrad (as it is, or in arrays, maps, sets or objects), or clone() it inside",
    );
    expect([inside?.shape, inside?.size]).toEqual([[3], 3]);
  });

  it("nothing is pooled outside of steps", () => {
    expect(pooled(mul(x, 2))).toBe(false);
  });

  it("returns tensors in arrays, objects and maps", () => {
    const result = noGrad(() => ({ list: [mul(x, 2)], map: new Map([["a", { deep: mul(x, 3) }]]), n: 1, none: null }));
    expect(result.list[0].toArray()).toEqual([2, 4, 6]);
    expect(result.map.get("a")?.deep.toArray()).toEqual([3, 6, 9]);
  });

  it("returns what lies at any depth", () => {
    interface Link {
      readonly t: Tensor;
      readonly next: Link | null;
    }
    let link = noGrad(() => {
      let list: Link = { t: mul(x, 2), next: null };
      for (let i = 0; i < 100_000; i++) list = { t: x, next: list };
      return list;
    });
    while (link.next) link = link.next;
    expect(link.t.toArray()).toEqual([2, 4, 6]);
  });

  it("a step inside a step is a part of it", () => {
    const y = noGrad(() => {
      const h = noGrad(() => mul(x, 2));
      expect(pooled(h)).toBe(true);
      return add(h, mul(h, 1));
    });
    expect(y.toArray()).toEqual([4, 8, 12]);
    expect(pool.resets).toBe(1);
  });

  it("ends when its function throws", () => {
    let inside: Tensor | undefined;
    expect(() =>
      noGrad(() => {
        inside = mul(x, 2);
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(() => inside?.data).toThrow("gone with the step");
    expect(noGrad(() => mul(x, 2)).toArray()).toEqual([2, 4, 6]);
  });

  it("clone and created tensors are ordinary", () => {
    const kept: Tensor[] = [];
    noGrad(() => {
      kept.push(mul(x, 2).clone(), zeros([2]), tensor([5]));
    });
    expect(kept.map((t) => t.toArray())).toEqual([[2, 4, 6], [0, 0], [5]]);
  });

  it("without room the arrays are ordinary, and everything still comes out right", () => {
    const big = zeros([40]);
    const y = noGrad(() => {
      const first = add(big, 1);
      const second = add(first, 1);
      expect([pooled(first), pooled(second)]).toEqual([true, false]);
      return add(second, first);
    });
    expect(y.toArray()).toEqual(Array.from({ length: 40 }, () => 3));
  });

  it("the memory cannot be exchanged inside", () => {
    expect(() => noGrad(() => usePool(undefined))).toThrow("usePool: the memory cannot be changed inside a step");
  });
});

describe("valueAndGrad", () => {
  const w = tensor([1, 2, 3], { requiresGrad: true });

  it("the loss, what comes with it, and the gradients outlive the step", () => {
    const { value, grads } = valueAndGrad(() => {
      const h = mul(w, w);
      return { loss: sum(h), h };
    });
    expect([value.loss.item(), value.h.toArray(), grads.get(w).toArray()]).toEqual([14, [1, 4, 9], [2, 4, 6]]);
    expect([value.loss, value.h, grads.get(w)].map(pooled)).toEqual([false, false, false]);
  });

  it("the graph does not: a second backward has nothing to walk", () => {
    const { value } = valueAndGrad(() => sum(mul(w, w)));
    expect(value.node).toBeNull();
    expect(() => backward(value)).toThrow("was not recorded");
  });

  it("interior gradients that were kept outlive it, found by their tensor", () => {
    let h: Tensor | undefined;
    const keep: Tensor[] = [];
    const { grads } = valueAndGrad(
      () => {
        h = mul(w, 2);
        keep.push(h);
        return sum(mul(h, h));
      },
      { keep },
    );
    expect(grads.get(h!).toArray()).toEqual([4, 8, 12]);
  });
});
