import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { certify } from "../../src/flow/certificate.ts";
import { verifyCertificate } from "../../src/flow/verify.ts";
import { BasicBlock, type CifarResNetOptions, cifarResNet, highwayNet } from "../../src/resnet/index.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { buildNetwork, expectedVerdict, FEATURES, networkPlan } from "./random-network.ts";

const images = randn([2, 3, 8, 8], new Rng(1));
const net = (options: Partial<CifarResNetOptions> = {}, depth = 14) =>
  cifarResNet(depth, { width: 4, ...options, rng: new Rng(2) });
const VALID = { valid: true, failures: [] };

/** A certificate as another program would get it. */
// biome-ignore lint/suspicious/noExplicitAny: the tests below change it at will
const parsed = (certificate: object): any => JSON.parse(JSON.stringify(certificate));

describe("verifyCertificate confirms what certify says, read from JSON", () => {
  it.each<[string, Partial<CifarResNetOptions>]>([
    ["pre", { order: "pre" }],
    ["post", {}],
    ["bnAfterAddition", { order: "bnAfterAddition" }],
    ["reluBeforeAddition", { order: "reluBeforeAddition" }],
    ["reluOnlyPre", { order: "reluOnlyPre" }],
    ["plain", { shortcut: "none" }],
    ["project", { order: "pre", shortcut: "project" }],
    ["scale", { shortcut: "scale", shortcutScale: 0.7 }],
    ["gate", { order: "pre", shortcut: "gate" }],
    ["shortcutGate", { shortcut: "shortcutGate" }],
    ["conv1x1", { shortcut: "conv1x1" }],
    ["dropout", { order: "pre", shortcut: "dropout" }],
    ["skipInit", { order: "pre", start: "skipInit" }],
    ["fixup", { start: "fixup" }],
    ["stochastic depth", { order: "pre", stochasticDepth: 0.3 }],
    ["bottleneck", { block: "bottleneck", order: "pre" }],
  ])("%s", (_, options) => {
    const model = net(options, options.block ? 11 : 14);
    expect(verifyCertificate(parsed(certify(model, images)), model, images)).toMatchObject(VALID);
  });

  it("in evaluation mode, for one block, for a highway, at depth 110", () => {
    const trained = net({ order: "pre" }).eval();
    expect(verifyCertificate(parsed(certify(trained, images)), trained, images)).toMatchObject(VALID);
    const block = new BasicBlock(3, 3, { rng: new Rng(0) });
    expect(verifyCertificate(parsed(certify(block, images)), block, images)).toMatchObject(VALID);
    const highway = highwayNet(5, { rng: new Rng(0) });
    const digits = randn([4, 784], new Rng(1));
    expect(verifyCertificate(parsed(certify(highway, digits)), highway, digits)).toMatchObject(VALID);
    const deep = net({ order: "pre", shortcut: "scale", width: 2 }, 110);
    expect(verifyCertificate(parsed(certify(deep, images)), deep, images)).toMatchObject(VALID);
  });

  it("says what it took on trust: gates, norms after the addition, chance; nothing in an ordinary network", () => {
    const unchecked = (options: Partial<CifarResNetOptions>): readonly string[] => {
      const model = net(options, 8);
      return verifyCertificate(certify(model, images), model, images).unchecked;
    };
    expect(unchecked({})).toEqual([]);
    expect(unchecked({ shortcut: "project" })).toEqual([]);
    const whole = "whole: gain and open, because not every part of the way can be taken apart";
    const all = (why: string): string[] =>
      ["layer1.0", "layer2.0", "layer3.0"].map((block) => `${block}: norms, ${why}`);
    expect(unchecked({ shortcut: "gate" })).toEqual([...all("because x passes its gate twice"), whole]);
    expect(unchecked({ order: "bnAfterAddition" })).toEqual([
      ...all("because more than a ReLU follows the addition"),
      whole,
    ]);
    expect(unchecked({ shortcut: "dropout" })).toEqual(["whole: norms, because the model draws random numbers"]);
  });

  it("leaves the model as it was", () => {
    const model = net();
    const before = JSON.stringify(Object.values(model.stateDict()).map((t) => Array.from(t.data)));
    verifyCertificate(certify(model, images), model, images);
    expect(JSON.stringify(Object.values(model.stateDict()).map((t) => Array.from(t.data)))).toBe(before);
  });
});

describe("verifyCertificate finds what is not so", () => {
  const residual = net({ order: "pre" });
  const failures = (change: (certificate: ReturnType<typeof parsed>) => void, model = residual): string[] => {
    const certificate = parsed(certify(model, images));
    change(certificate);
    return [...verifyCertificate(certificate, model, images).failures];
  };

  it("the certificate of another network: a residual one for the plain twin, and the other way round", () => {
    const plain = net({ order: "pre", shortcut: "none" });
    const wrong = verifyCertificate(parsed(certify(residual, images)), plain, images).failures;
    expect(wrong).toContain("layer1.0: with its weights at zero it does not return the gradient unchanged");
    expect(wrong).toContain("whole: with its weights at zero it returns numbers that were not sent");
    expect(verifyCertificate(parsed(certify(plain, images)), residual, images).failures).toContain(
      "layer1.0: with its weights at zero a gradient still passes",
    );
  });

  it.each<[string, Partial<CifarResNetOptions>]>([
    ["a ReLU after the addition", { order: "post" }],
    ["a scale", { order: "pre", shortcut: "scale" }],
    ["a gate", { order: "pre", shortcut: "gate" }],
    ["a projection", { order: "pre", shortcut: "conv1x1" }],
    ["dropout", { order: "pre", shortcut: "dropout" }],
  ])("%s where identities were certified", (_, options) => {
    const { failures } = verifyCertificate(parsed(certify(residual, images)), net(options), images);
    expect(failures).toContain("layer1.0: with its weights at zero it does not return the gradient unchanged");
  });

  it("a worse verdict than the truth: mask, scale, gate, transform, none for an identity", () => {
    for (const [verdict, message] of [
      ["mask", "what it lets pass does not depend on the input"],
      ["gate", "what it lets pass does not depend on its biases"],
      ["transform", "with its weights at zero it returns entries of the gradient unchanged"],
      ["none", "with its weights at zero a gradient still passes"],
    ]) {
      expect(failures((c) => (c.blocks[1].verdict = verdict))).toContain(`layer1.1: ${message}`);
    }
    const scaled = failures((c) => Object.assign(c.blocks[1], { verdict: "scale", factor: 0.5 }));
    expect(scaled).toContain("layer1.1: with its weights at zero it does not return 0.5 times the gradient");
  });

  it("another λ", () => {
    const model = net({ order: "pre", shortcut: "scale" });
    const found = failures((c) => {
      for (const block of c.blocks) {
        block.factor = 0.25;
        for (const step of block.path) if (step.effect === "scale") step.factor = 0.25;
      }
      c.whole.factor = 0.25 ** 6;
    }, model);
    expect(found).toContain("layer1.0: with its weights at zero it does not return 0.25 times the gradient");
    expect(found).toContain(`whole: with its weights at zero it does not return ${0.25 ** 6} times the gradient`);
  });

  it("every number, every statement", () => {
    expect(failures(() => {})).toEqual([]);
    expect(failures((c) => (c.holds = false))).toEqual(["whole: holds is false, but should be true"]);
    expect(failures((c) => (c.summary = "Certified."))).toEqual(["whole: the summary is not that of these blocks"]);
    expect(failures((c) => (c.blocks[0].holds = false))[0]).toBe("layer1.0: holds is false with the verdict identity");
    expect(failures((c) => (c.whole.factor = 0.5))[0]).toBe("whole: the factor 0.5 is not the product of the blocks'");
    expect(failures((c) => (c.whole.gain *= 2)).join()).toMatch(/^whole: gain is \S+, measured \S+$/);
    expect(failures((c) => (c.whole.open *= 2)).join()).toMatch(/^whole: open is 0.5, measured 0.25$/);
    expect(failures((c) => (c.blocks[2].gain *= 2)).join()).toMatch(/^layer2.0: gain is \S+, measured \S+$/);
    expect(failures((c) => (c.blocks[2].numeric.branchNorm *= 2)).join()).toMatch(/^layer2.0: branchNorm is/);
    expect(failures((c) => (c.blocks[2].numeric.shortcutNorm = 0)).join()).toMatch(/^layer2.0: shortcutNorm is 0/);
    expect(failures((c) => (c.blocks[1].numeric.bitExact = !c.blocks[1].numeric.bitExact))).toEqual([
      "layer1.1: bitExact does not follow from the error",
    ]);
    expect(failures((c) => (c.blocks[1].numeric = null))[0]).toBe(
      "layer1.1: there are numbers without a shortcut, or a shortcut without",
    );
    expect(failures((c) => c.blocks.pop())).toContain(
      "whole: certified are the blocks layer1.0, layer1.1, layer2.0, layer2.1, layer3.0, the model has layer1.0, layer1.1, layer2.0, layer2.1, layer3.0, layer3.1",
    );
    expect(failures((c) => (c.mode = "evaluation"))).toEqual([
      "whole: certified in evaluation mode, the model is in training mode",
    ]);
  });

  it("other weights", () => {
    const certificate = parsed(certify(residual, images));
    const { failures: found } = verifyCertificate(
      certificate,
      net({ order: "pre", init: (t) => t.data.fill(0.1) }),
      images,
    );
    expect(found.some((failure) => /branchNorm is/.test(failure))).toBe(true);
  });
});

describe("200 random networks", () => {
  it("certify agrees with the definition, and verifyCertificate with certify", () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(networkPlan, fc.integer({ min: 0, max: 2 ** 20 }), (plans, seed) => {
        const model = buildNetwork(plans, seed);
        const x = randn([4, FEATURES], new Rng(seed));
        const certificate = certify(model, x, { seed });
        const expected = plans.map(expectedVerdict);
        expect(certificate.blocks.map(({ verdict }) => verdict)).toEqual(expected);
        expect(certificate.holds).toBe(expected.every((verdict) => verdict === "identity" || verdict === "selection"));
        expect(certificate.blocks.every(({ numeric }) => numeric?.passes ?? true)).toBe(true);
        expect(verifyCertificate(parsed(certificate), model, x)).toMatchObject(VALID);
        for (const verdict of expected) seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
        seen.set(`${certificate.holds}`, (seen.get(`${certificate.holds}`) ?? 0) + 1);
      }),
      { numRuns: 200, seed: 1 },
    );
    // Every verdict occurred, and both outcomes.
    for (const kind of ["identity", "selection", "mask", "scale", "gate", "transform", "none", "true", "false"]) {
      expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(10);
    }
  });
});
