/** What counts as a plain object: the same in lists of parts, in batches and in outputs, whatever realm it comes from. */
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { Linear, Module, predict } from "../../src/nn/index.ts";
import { isPlainObject, tensorsIn } from "../../src/nn/tensors-in.ts";
import { ones } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** An object of another realm, as of an iframe: its prototype is another Object.prototype. */
const elsewhere = <T extends object>(members: T): T => runInNewContext("({ ...members })", { members }) as T;

describe("isPlainObject", () => {
  it.each<[string, unknown, boolean]>([
    ["{}", {}, true],
    ["without a prototype", Object.create(null), true],
    ["of another realm", elsewhere({}), true],
    ["null", null, false],
    ["a function", () => {}, false],
    ["a list", [], false],
    ["a list of another realm", runInNewContext("[]"), false],
    ["a Map", new Map(), false],
    ["a tensor", ones([1]), false],
    ["a module", new Linear(1, 1, { rng: new Rng(0) }), false],
    ["a typed array", new Uint8Array(1), false],
    ["an object made of another", Object.create({ a: 1 }), false],
  ])("%s", (_, value, expected) => {
    expect(isPlainObject(value)).toBe(expected);
  });
});

it("the tensors in an object of another realm are found", () => {
  const [a, b] = [ones([1]), ones([2])];
  expect(elsewhere({ a, b })).not.toBeInstanceOf(Object);
  expect(tensorsIn(elsewhere({ a, deeper: { b } }))).toEqual([a, b]);
});

it("outputs that are objects of another realm are joined, by name", async () => {
  class Heads extends Module<Tensor, { left: Tensor }> {
    forward(x: Tensor): { left: Tensor } {
      return elsewhere({ left: x });
    }
  }
  const batch = { x: ones([2, 3]) };
  const { left } = await predict(new Heads(), [batch, batch]);
  expect(left.shape).toEqual([4, 3]);
});

it("parts in an object of another realm have names", () => {
  class Towers extends Module {
    readonly towers = elsewhere({ one: new Linear(1, 1, { rng: new Rng(0) }) });
    forward(x: Tensor): Tensor {
      return this.towers.one.forward(x);
    }
  }
  expect(new Towers().namedParameters().map(([name]) => name)).toEqual(["towers.one.weight", "towers.one.bias"]);
});
