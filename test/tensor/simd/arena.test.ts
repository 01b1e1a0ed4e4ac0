/** The engine's memory: room and its end, growth, views, scratch, and what a program sees of all that, which is nothing. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { valueAndGrad } from "../../../src/autograd/backward.ts";
import { conv2d } from "../../../src/autograd/conv.ts";
import { add, mul, relu } from "../../../src/autograd/elementwise.ts";
import { noGrad } from "../../../src/autograd/graph.ts";
import { sum } from "../../../src/autograd/reduce.ts";
import { randn } from "../../../src/tensor/create.ts";
import { broadcastGeometry } from "../../../src/tensor/geometry/broadcast.ts";
import { convGeometry } from "../../../src/tensor/geometry/conv.ts";
import type { ArrayKernels } from "../../../src/tensor/kernels.ts";
import { allocate, debugMemory, type Floats, numbersOf } from "../../../src/tensor/memory.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { kernelsOf } from "../../../src/tensor/simd/index.ts";
import { Arena } from "../../../src/tensor/simd/wasm/arena.ts";
import { Engine } from "../../../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../../../src/tensor/simd/wasm/features.ts";
import { peek, type Tensor } from "../../../src/tensor/tensor.ts";
import { kernels, useKernels } from "../../../src/tensor/tier.ts";
import { random, unwritten } from "../../support/kernel.ts";

const wasm = webAssembly()!;
const PAGE = 65536;
/** Floats in a page. */
const FLOATS = PAGE / 4;

/** A kernel that asks for so much scratch; the addresses it got. */
function ask(arena: Arena, ...sizes: number[]): { ran: boolean; addresses: number[] } {
  let addresses: number[] = [];
  const ran = arena.borrow(() => {
    addresses = [];
    for (const size of sizes) addresses.push(arena.scratch(size));
  });
  return { ran, addresses };
}

describe("the arena", () => {
  it("hands out arrays one behind the other, each on a cache line, and takes them back all at once", () => {
    const arena = new Arena(wasm, PAGE);
    const [a, b] = [arena.allocate(5)!, arena.allocate(20)!];
    expect([a.length, b.length, a.byteOffset % 64, b.byteOffset - a.byteOffset]).toEqual([5, 20, 0, 64]);
    expect([arena.owns(a), arena.owns(b.subarray(3)), arena.owns(new Float32Array(5))]).toEqual([true, true, false]);
    arena.reset();
    expect(arena.allocate(1)!.byteOffset).toBe(a.byteOffset);
  });

  it("never hands out the first kibibyte: 0 is no array's address", () => {
    const arena = new Arena(wasm, PAGE);
    expect(arena.allocate(0)!.byteOffset).toBe(1024);
    expect(ask(arena, 1).addresses[0]).toBeGreaterThanOrEqual(1024);
  });

  it("without room: undefined, and after the reset there is room for everything that was asked for", () => {
    const arena = new Arena(wasm, 2 * PAGE);
    const sizes = [FLOATS, FLOATS, 3 * FLOATS, 100, 2 * FLOATS];
    expect(sizes.map((size) => arena.allocate(size)?.length)).toEqual([FLOATS, undefined, undefined, 100, undefined]);
    expect(arena.bytes).toBe(2 * PAGE);
    arena.reset();
    expect(arena.bytes).toBeGreaterThanOrEqual(7 * PAGE);
    expect(sizes.map((size) => arena.allocate(size)?.length)).toEqual(sizes);
  });

  it("does not grow while arrays live in it: they keep their values", () => {
    const arena = new Arena(wasm, PAGE);
    const a = arena.allocate(100)!.fill(7);
    expect(arena.allocate(FLOATS)).toBeUndefined();
    expect(ask(arena, 2 * FLOATS).ran).toBe(false);
    expect([a.length, a[99]]).toEqual([100, 7]);
  });

  it("after growth `floats` views all of it, and old arrays have no elements left", () => {
    const arena = new Arena(wasm, PAGE);
    const old = arena.allocate(10)!;
    arena.allocate(5 * FLOATS);
    arena.reset();
    expect(old.length).toBe(0);
    expect(arena.owns(old)).toBe(false);
    expect(arena.floats.byteLength).toBe(arena.bytes);
    expect(arena.floats.buffer).toBe(arena.memory.buffer);
  });

  it.each([
    [0.5, "a quarter", 2 ** 17],
    [288, "64 MiB", 2 ** 26],
    [800, "an eighth", 100 * 2 ** 20],
  ])("of %d MiB leaves %s to scratch", (size, _, reserve) => {
    const arena = new Arena(wasm, size * 2 ** 20);
    arena.allocate(1);
    while (arena.allocate(2 ** 20));
    while (arena.allocate(1000));
    expect(ask(arena, reserve / 4 - 16).ran).toBe(true);
    expect(ask(arena, reserve / 4 + 2000).ran).toBe(false);
  });

  it("takes scratch back, also from a kernel that throws", () => {
    const arena = new Arena(wasm, PAGE);
    const first = ask(arena, 100, 200);
    expect(ask(arena, 100, 200)).toEqual(first);
    expect(() =>
      arena.borrow(() => {
        arena.scratch(500);
        throw new Error("in the kernel");
      }),
    ).toThrow("in the kernel");
    expect(ask(arena, 100, 200)).toEqual(first);
  });

  it("lends the same scratch whatever lives below: it stays in the cache", () => {
    const arena = new Arena(wasm, 8 * PAGE);
    const before = ask(arena, 100, 200);
    arena.allocate(1000);
    expect(ask(arena, 100, 200)).toEqual(before);
    expect(Math.min(...before.addresses)).toBeGreaterThan(7 * PAGE);
  });

  it("a kernel that runs while nothing lives there gets all it asks for, piece by piece", () => {
    const arena = new Arena(wasm, PAGE);
    const { ran, addresses } = ask(arena, 2 * FLOATS, 10, 7 * FLOATS, 30 * FLOATS);
    expect([ran, addresses.length]).toEqual([true, 4]);
    expect(arena.bytes).toBeGreaterThanOrEqual(39 * PAGE);
  });

  it("grows up to its limit and not beyond", () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const arena = new Arena(wasm, PAGE, 4 * PAGE);
    for (let step = 0; step < 3; step++) {
      expect(arena.allocate(100 * FLOATS)).toBeUndefined();
      expect(arena.allocate(10)).toBeDefined();
      arena.reset();
      expect(arena.bytes).toBe(4 * PAGE);
    }
    expect(ask(arena, 100 * FLOATS).ran).toBe(false);
    expect(ask(arena, 3 * FLOATS).ran).toBe(true);
    expect(warned).toHaveBeenCalledOnce();
    warned.mockRestore();
  });

  it("by default the limit is 4 GiB: addresses above 2 GiB work", () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const arena = new Arena(wasm, PAGE);
    expect(arena.allocate(2 ** 30) === undefined).toBe(true); // 4 GiB
    arena.reset();
    expect(arena.bytes).toBe(2 ** 32);
    expect(warned.mock.lastCall).toEqual([expect.stringContaining("ends at 4096 MiB")]);
    const [address] = ask(arena, 100).addresses;
    arena.floats[address / 4 + 99] = 3;
    expect([address > 2 ** 31, new Float32Array(arena.memory.buffer, address, 100)[99]]).toEqual([true, 3]);
    warned.mockRestore();
  });

  it("grows at once for a step whose first array alone does not fit: nothing lives there yet", () => {
    const arena = new Arena(wasm, PAGE, 64 * PAGE);
    const arrays = [2, 2, 3, 1].map((pages) => arena.allocate(pages * FLOATS));
    expect(arrays.map((array) => array?.length)).toEqual([2, 2, 3, 1].map((pages) => pages * FLOATS));
    expect(arena.short).toBe(false);
  });

  it("that threads share grows in the middle of a step and of a kernel, and knows the arrays from before", () => {
    const arena = new Arena(wasm, 2 * PAGE, 64 * PAGE, true);
    const a = arena.allocate(FLOATS)!.fill(7);
    const b = arena.allocate(20 * FLOATS)!.fill(8);
    expect([a[FLOATS - 1], b[0], arena.owns(a), arena.owns(b), arena.short]).toEqual([7, 8, true, true, false]);
    expect(a.buffer).not.toBe(b.buffer);
    const { ran, addresses } = ask(arena, 10, 15 * FLOATS, 10);
    expect([ran, new Set(addresses).size]).toEqual([true, 3]);
    expect([a[0], b[20 * FLOATS - 1]]).toEqual([7, 8]);
    expect(ask(arena, 100 * FLOATS).ran).toBe(false);
    expect([arena.short, arena.bytes]).toEqual([true, 64 * PAGE]);
    arena.reset();
    expect([arena.short, arena.owns(a)]).toEqual([false, false]);
  });

  it("wipes what it takes back if told to, and nothing below", () => {
    const arena = new Arena(wasm, PAGE);
    arena.allocate(3)!.fill(1);
    arena.reset(true);
    expect([...arena.floats.subarray(256, 259)]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(arena.floats[255]).toBe(0);
  });
});

describe("kernels", () => {
  const small = (largest?: number): { engine: Engine; simd: ArrayKernels } => {
    const engine = new Engine(wasm, PAGE, largest);
    return { engine, simd: kernelsOf(engine) };
  };

  it("whose arrays and scratch find no room are computed by the plain tier, to the bit, which is said once with the size", () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const { engine, simd } = small(PAGE);
    engine.arena.allocate(100);
    const g = convGeometry([2, 16, 20, 20], [16, 16, 3, 3], null, { padding: 1 });
    const [x, w] = [random(2 * 16 * 400, 1), random(16 * 144, 2)];
    const [got, expected] = [unwritten(x.length), unwritten(x.length)];
    simd.conv2d(x, w, null, got, g);
    plainKernels.conv2d(x, w, null, expected, g);
    expect(got).toEqual(expected);
    expect(simd.told!("conv2d")).toEqual({ tier: "plain", algorithm: null, why: "no room in the memory" });
    simd.conv2d(x, w, null, got, g);
    expect(warned.mock.calls).toEqual([
      [
        "skipstone: a kernel's arrays of 1 MiB find no room in the 1 MiB that are free in the memory of the SIMD kernels, and cannot be cut: a plain kernel computes, which is slower",
      ],
    ]);
    warned.mockRestore();
  });

  it("take parts of resident arrays, aligned or not, and touch nothing around them", () => {
    const { engine, simd } = small();
    const all = [0, 1, 2].map((i) => {
      const whole = engine.arena.allocate(2000)!;
      whole.set(random(2000, i));
      return whole;
    });
    for (const offset of [0, 1, 3, 16]) {
      const [a, b, y] = all.map((whole) => whole.subarray(10 + offset, 1210 + offset));
      const before = all[2].slice();
      simd.binary("add", a, b, y, broadcastGeometry("add", [1200], [1200]));
      expect(y).toEqual(a.map((v, i) => v + b[i]));
      expect(all[2].subarray(0, 10 + offset)).toEqual(before.subarray(0, 10 + offset));
      expect(all[2].subarray(1210 + offset)).toEqual(before.subarray(1210 + offset));
    }
  });

  it("take parts of ordinary arrays", () => {
    const { simd } = small();
    const [x, y] = [random(2000, 3), unwritten(2000)];
    simd.unary("relu", x.subarray(7, 1507), y.subarray(1, 1501));
    expect(y.subarray(1, 1501)).toEqual(x.subarray(7, 1507).map((v) => Math.max(v, 0)));
    expect([y[0], y[1501]]).toEqual([Number.NaN, Number.NaN]);
  });

  it("compiled before a growth run after it", () => {
    const { engine, simd } = small();
    const x = random(1000, 4);
    const run = (): Float32Array => {
      const y = unwritten(1000);
      simd.unary("exp", x, y);
      return y;
    };
    const before = run();
    const { bytes } = engine.arena;
    engine.arena.allocate(50 * FLOATS);
    engine.arena.reset();
    expect(engine.arena.bytes).toBeGreaterThan(bytes);
    expect(run()).toEqual(before);
  });
});

describe("steps", () => {
  let engine: Engine;
  const begin = (bytes: number, largest?: number): void => {
    engine = new Engine(wasm, bytes, largest);
    useKernels(kernelsOf(engine));
  };
  afterEach(() => {
    debugMemory(false);
    useKernels("auto");
  });

  const x = randn([4, 8, 16, 16], new Rng(1));
  const w = randn([8, 8, 3, 3], new Rng(2));
  w.requiresGrad = true;
  /** A chain of convolutions; how many of its tensors were resident. */
  const chain = (): { loss: number; gw: Floats; resident: number; tensors: number } => {
    let [resident, tensors] = [0, 0];
    const { value, grads } = valueAndGrad(() => {
      let h: Tensor = x;
      for (let i = 0; i < 6; i++) {
        h = relu(mul(conv2d(h, w, null, { padding: 1 }), 0.1));
        tensors++;
        if (engine.arena.owns(peek(h))) resident++;
      }
      return sum(mul(h, h));
    });
    return { loss: value.item(), gw: grads.get(w).data, resident, tensors };
  };
  /** Relative difference of two results. */
  const distance = (a: Floats, b: Floats): number => {
    const largest = Math.max(...Array.from(b, Math.abs));
    return Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]))) / largest;
  };

  it("that need more than there is use ordinary arrays, come out right, and have room the next time", () => {
    begin(2 ** 28);
    const reference = chain();
    expect(reference.resident).toBe(reference.tensors);

    begin(6 * PAGE);
    const first = chain();
    expect(first.resident).toBeLessThan(first.tensors);
    expect(distance(first.gw, reference.gw)).toBeLessThan(1e-5);
    // The arena has grown to what was missing: everything fits, and the bits are those of an engine that was large at once.
    chain();
    expect(chain()).toEqual(reference);
  });

  it("at the limit go on with ordinary arrays, which is said once", () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    begin(2 ** 28);
    const reference = chain();
    expect(warned).not.toHaveBeenCalled();
    begin(6 * PAGE, 6 * PAGE);
    for (let i = 0; i < 3; i++) {
      const result = chain();
      expect(result.resident).toBeLessThan(result.tensors);
      expect(distance(result.gw, reference.gw)).toBeLessThan(1e-5);
    }
    expect(engine.arena.bytes).toBe(6 * PAGE);
    expect(warned.mock.calls).toEqual([
      [
        expect.stringMatching(
          /^skipstone: a step asks for \d+ MiB, and the memory .* ends at 1 MiB: .*smaller batches fit$/,
        ),
      ],
    ]);
    warned.mockRestore();
  });

  it("what a step returned stays as it was, through growth and later steps", () => {
    begin(2 * PAGE);
    const y = noGrad(() => add(x, 1));
    const copy = y.data.slice();
    for (let i = 0; i < 3; i++) chain();
    expect(y.data).toEqual(copy);
    expect(x.data[0] + 1).toBeCloseTo(y.data[0], 5);
  });

  it("in debug mode: new memory is NaN, and so is a step's memory when it is over; what was read from it is not", () => {
    begin(2 ** 24);
    expect(debugMemory(true)).toBe(false);
    let read: Floats | undefined;
    let pooled: Floats | undefined;
    noGrad(() => {
      const fresh = numbersOf(allocate(3));
      expect([engine.arena.owns(fresh), ...fresh]).toEqual([true, Number.NaN, Number.NaN, Number.NaN]);
      const y = mul(x, 2);
      pooled = peek(y);
      read = y.data;
      expect(engine.arena.owns(pooled)).toBe(true);
      expect(pooled[0]).toBe(Math.fround(2 * x.data[0]));
    });
    expect(pooled?.[0]).toBeNaN();
    expect(read?.[0]).toBe(Math.fround(2 * x.data[0]));
    expect([...numbersOf(allocate(2))]).toEqual([Number.NaN, Number.NaN]);
    // And nothing relies on it.
    const result = chain();
    debugMemory(false);
    expect(chain()).toEqual(result);
  });

  it("the first kernel of a program may run inside a step, and brings its memory along", () => {
    useKernels("plain");
    const simd = kernelsOf(new Engine(wasm, 2 ** 24));
    const y = noGrad(() => {
      const before = mul(x, 2);
      useKernels(simd);
      const after = mul(before, 2);
      expect([before, after].map((t) => simd.pool?.owns(peek(t)))).toEqual([false, true]);
      expect(kernels).toBe(simd);
      expect(() => useKernels("plain")).toThrow("cannot be changed inside a step");
      return noGrad(() => add(after, before));
    });
    expect(y.data[5]).toBeCloseTo(6 * x.data[5], 4);
  });
});
