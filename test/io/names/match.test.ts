/** matchNames, with all names of the projects' networks (projects.ts). */
import { describe, expect, test } from "vitest";
import { matchNames } from "../../../src/io/index.ts";
import type { Module, StateDict } from "../../../src/nn/index.ts";
import { cifarResNet, createModel } from "../../../src/resnet/index.ts";
import { Rng, tensor } from "../../../src/tensor/index.ts";
import { huggingFace, type Names, resnet18, resnet20A, resnet20B, resnet50, torchvisionLike } from "./projects.ts";

const empty = { rng: new Rng(0), init: () => {} };
const models: Readonly<Record<string, Module>> = {
  resnet18: createModel("resnet18", { ...empty, classes: 7 }),
  resnet50: createModel("resnet50", { ...empty, classes: 7 }),
  resnet20A: cifarResNet(20, empty),
  resnet20B: cifarResNet(20, { ...empty, shortcut: "project" }),
};

/** The model's own tensors by another project's names. */
function stateBy(names: Names, model: Module): StateDict {
  const own = model.stateDict();
  expect(names.map(([, ours]) => ours).sort()).toEqual(Object.keys(own).sort());
  return Object.fromEntries(names.map(([theirs, ours]) => [theirs, own[ours]]));
}

const torchvision = "torchvision";
const sequential = {
  body: "backbone.",
  stem: ["0", "1"] as const,
  stage: (s: number) => String(s + 3),
};

describe("every tensor of a project's network gets its name", () => {
  test.each<[string, Names, string, string, string]>([
    ["torchvision", torchvisionLike(resnet50), "resnet50", torchvision, ""],
    ["timm, whose names are torchvision's", torchvisionLike(resnet18), "resnet18", torchvision, ""],
    [
      "DataParallel",
      torchvisionLike(resnet18, { body: "module.", head: "module.fc" }),
      "resnet18",
      torchvision,
      "module.",
    ],
    [
      "Lightning",
      torchvisionLike(resnet18, { body: "model.resnet.", head: "model.resnet.fc" }),
      "resnet18",
      torchvision,
      "model.resnet.",
    ],
    [
      "a backbone and a head of its own",
      torchvisionLike(resnet18, { body: "backbone.", head: "head.fc" }),
      "resnet18",
      torchvision,
      "backbone.",
    ],
    [
      "a backbone and linear",
      torchvisionLike(resnet18, { body: "encoder.", head: "linear" }),
      "resnet18",
      torchvision,
      "encoder.",
    ],
    ["dropout before the last layer", torchvisionLike(resnet50, { head: "fc.1" }), "resnet50", torchvision, ""],
    [
      "mmpretrain, ResNet-50",
      torchvisionLike(resnet50, { body: "backbone.", head: "head.fc" }),
      "resnet50",
      torchvision,
      "backbone.",
    ],
    ["Hugging Face, ResNet-18", huggingFace(resnet18), "resnet18", "Hugging Face transformers", "resnet."],
    ["Hugging Face, ResNet-50", huggingFace(resnet50), "resnet50", "Hugging Face transformers", "resnet."],
    [
      "akamaster, option A",
      torchvisionLike(resnet20A, { body: "module.", head: "module.linear" }),
      "resnet20A",
      torchvision,
      "module.",
    ],
    [
      "akamaster, option B",
      torchvisionLike(resnet20B, { downsample: "shortcut", head: "linear" }),
      "resnet20B",
      "PyTorch CIFAR nets",
      "",
    ],
    [
      "a Sequential of the parts",
      torchvisionLike(resnet50, sequential),
      "resnet50",
      "Sequential of torchvision's parts",
      "backbone.",
    ],
  ])("%s", (_, names, network, layout, prefix) => {
    const model = models[network];
    const own = model.stateDict();
    const theirs = stateBy(names, model);
    const found = matchNames(theirs, model);
    expect([found.layout, found.prefix, found.missing, found.unexpected]).toEqual([layout, prefix, [], []]);
    expect(Object.keys(found.state)).toEqual(Object.keys(own));
    for (const [name, t] of Object.entries(own)) expect(found.state[name], name).toBe(t);
    expect([...found.renamed].sort()).toEqual(
      names
        .filter(([theirs, ours]) => theirs !== ours)
        .map((row) => [...row])
        .sort(),
    );
  });
});

describe("what does not fit", () => {
  const model = models["resnet18"];
  const names = torchvisionLike(resnet18, { body: "backbone.", head: "head.fc" });

  test("says what it did, what is missing, and what has no place", () => {
    const { "backbone.bn1.weight": _, ...theirs } = stateBy(names, model);
    const found = matchNames({ ...theirs, "neck.weight": tensor([1]) }, model);
    expect(found.missing).toEqual(["bn1.weight"]);
    expect(found.unexpected).toEqual(["neck.weight"]);
    expect(found.state["neck.weight"].toArray()).toEqual([1]);
    expect(String(found)).toBe(
      'names of torchvision after "backbone.": 121 of the model\'s 122 found, 121 renamed, such as backbone.conv1.weight → conv1.weight; 1 missing: bn1.weight; 1 without a place: neck.weight',
    );
  });

  test("a head for other classes is found, for loadStateDict to refuse", () => {
    const other = createModel("resnet18", { ...empty, classes: 5 });
    const found = matchNames(stateBy(names, model), other);
    expect(found.missing).toEqual([]);
    expect(() => other.loadStateDict(found.state)).toThrow("fc.weight: [7,512] does not fit [5,512]");
  });

  test("without batch norm's counters nothing is missing", () => {
    const old = Object.fromEntries(
      Object.entries(stateBy(names, model)).filter(([name]) => !name.endsWith("num_batches_tracked")),
    );
    expect(matchNames(old, model).missing).toEqual([]);
  });

  test("of two heads the one that fits is taken", () => {
    const own = model.stateDict();
    const theirs = { ...own, "head.weight": own["fc.weight"], "fc.weight": tensor([[1]]) };
    const found = matchNames(theirs, model);
    expect(found.state["fc.weight"]).toBe(own["fc.weight"]);
    expect(found.unexpected).toEqual(["fc.weight"]);
  });

  test("nothing at all is an error that shows both sides", () => {
    expect(() => matchNames({ a: tensor([1]) }, model)).toThrow(
      'matchNames: no tensor fits the model by the names of torchvision, Hugging Face transformers, PyTorch CIFAR nets, Sequential of torchvision\'s parts: the state has "a", the model "conv1.weight", "bn1.weight", "bn1.bias". Rules',
    );
  });
});
