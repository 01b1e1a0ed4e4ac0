import { describe, expect, it } from "vitest";
import { checkOptions, describe as inWords, nearestOf, type OptionNames } from "../../src/tensor/check.ts";
import { UsageError } from "../../src/tensor/errors.ts";

interface Options {
  stride?: number;
  padding?: number;
  weightDecay?: number;
  lr?: number;
}
const names: OptionNames<Options> = { stride: true, padding: true, weightDecay: true, lr: true };
const check = (options: unknown) => () => checkOptions("op", options as Options, names);

describe("checkOptions", () => {
  it("takes the options there are, none, and undefined", () => {
    for (const options of [undefined, {}, { stride: 1 }, { padding: undefined, lr: 2 }])
      expect(check(options)).not.toThrow();
  });

  it.each([
    ["pading", "padding"],
    ["weight_decay", "weightDecay"],
    ["weightdecay", "weightDecay"],
    ["learningRate", "lr"],
    ["learning_rate", "lr"],
    ["strdie", "stride"],
    ["LR", "lr"],
  ])("%s: did you mean %s?", (given, meant) => {
    expect(check({ [given]: 1 })).toThrow(UsageError);
    expect(check({ [given]: 1 })).toThrow(
      `op: there is no option "${given}": did you mean "${meant}"? (options: stride, padding, weightDecay, lr)`,
    );
  });

  it("what is near nothing gets the list alone", () => {
    expect(check({ colour: 1 })).toThrow('op: there is no option "colour" (options: stride');
  });

  it.each([
    [2, "2"],
    [[1, 2], "an array of 2"],
    ["same", '"same"'],
    [null, "null"],
    [() => 1, "a function"],
    [new Float32Array(3), "a Float32Array"],
  ])("%s is no object of options", (options, words) => {
    expect(check(options)).toThrow(`op: options must be an object, { stride, padding, weightDecay, lr }, got ${words}`);
  });

  it("inherited names count: an options object may be an instance", () => {
    expect(check(Object.create({ stride: 1 }))).not.toThrow();
    expect(check(Object.create({ strides: 1 }))).toThrow('"strides"');
  });
});

it("values in words are short", () => {
  expect([undefined, 1n, Symbol("s"), { a: 1, b: 2 }, new Map(), "x".repeat(50), Number.NaN].map(inWords)).toEqual([
    "undefined",
    "a bigint",
    "a symbol",
    "an object { a, b }",
    "a Map",
    `"${"x".repeat(40)}…"`,
    "NaN",
  ]);
});

it("nothing is near to a name that is far from all", () => {
  expect(nearestOf("xyz", ["stride", "padding"])).toBeUndefined();
});
