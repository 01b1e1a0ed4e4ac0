/** The option rename: names by rules. */
import { describe, expect, test } from "vitest";
import { loadWeights, type RenameRule, readWeights, writeSafetensors } from "../../../src/io/index.ts";
import { tensor } from "../../../src/tensor/index.ts";

/** The names after renaming. */
function rename(names: readonly string[], ...rules: readonly RenameRule[]): string[] {
  const file = writeSafetensors(Object.fromEntries(names.map((name) => [name, tensor(0)])));
  return [...readWeights(file, { name: "x", rename: rules }).entries.keys()];
}

describe("rules", () => {
  test.each<[string, string, RenameRule, string]>([
    ["a name", "linear.weight", ["linear.weight", "fc.weight"], "fc.weight"],
    ["* is any text", "head.fc.weight", ["head.fc.*", "fc.*"], "fc.weight"],
    ["a prefix away", "backbone.a.b", ["backbone.*", "*"], "a.b"],
    ["a number", "stage3.7.w", ["stage{s}.{b}.w", "{b}.{s}"], "7.3"],
    [
      "numbers counted from another start",
      "stages.0.layers.10.w",
      ["stages.{s}.layers.{b}.*", "layer{s+1}.{b-1}.*"],
      "layer1.9.w",
    ],
    ["dots are dots", "axb", ["a.b", "c"], "axb"],
    ["a number is no word", "stage.w", ["stage{s}.w", "w"], "stage.w"],
  ])("%s", (_, name, rule, expected) => {
    // The first rule is used, so that none is idle.
    expect(rename(["used", name], ["used", "used"], ...(name === expected ? [] : [rule]))).toEqual(["used", expected]);
    if (name === expected) expect(() => rename([name], rule)).toThrow("no tensor's name is left for the form");
  });

  test("the first that is about a name counts, and the others stay", async () => {
    expect(rename(["a.b", "a.c", "d"], ["a.b", "x"], ["a.*", "y.*"])).toEqual(["x", "y.c", "d"]);
    const file = writeSafetensors({ "module.head.weight": tensor([1, 2]) });
    const state = await loadWeights(file, { rename: [["head.*", "fc.*"]] });
    expect(Object.keys(state)).toEqual(["fc.weight"]);
  });

  test("errors", () => {
    expect(() => rename(["a", "b"], ["c.*", "d"])).toThrow(
      'x: rename: no tensor\'s name is left for the form "c.*": the names are "a", "b", …',
    );
    expect(() => rename(["a", "b"], ["a", "b"])).toThrow('x: rename gives "a" and "b" the same name "b"');
    expect(() => rename(["a"], ["*.*", "b"])).toThrow("each * and {x} may occur once in the first form");
    expect(() => rename(["a"], ["a{x+1}", "b"])).toThrow("{x+1} and {x-1} may only be in the second form");
    expect(() => rename(["a"], ["a.*", "{n}.*"])).toThrow(
      'readWeights: rename "a.*" → "{n}.*": {n} is not in the first form',
    );
  });

  test.each<[unknown, string]>([
    ["a=b", 'readWeights: rename must be a list of rules [from, to], got "a=b"'],
    [[["a"]], "readWeights: a rule of rename must be two texts, [from, to], got"],
    [[["a", 1]], "readWeights: a rule of rename must be two texts, [from, to], got"],
  ])("%j is no list of rules", (rules, message) => {
    const bytes = writeSafetensors({ a: tensor(0) });
    expect(() => readWeights(bytes, { rename: rules as RenameRule[] })).toThrow(message);
  });
});
