import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Certificate } from "../../src/flow/certificate.ts";
import { certify } from "../../src/flow/certify.ts";
import { verifyCertificate } from "../../src/flow/verify.ts";
import { Linear, type Module } from "../../src/nn/index.ts";
import { BasicBlock, type CifarResNetOptions, cifarResNet, highwayNet } from "../../src/resnet/index.ts";
import { randn } from "../../src/tensor/create.ts";
import { UsageError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { buildNetwork, expectedVerdict, FEATURES, networkPlan } from "./random-network.ts";

const images = randn([2, 3, 8, 8], new Rng(1));
const net = (options: Partial<CifarResNetOptions> = {}, depth = 14) =>
  cifarResNet(depth, { width: 4, ...options, rng: new Rng(2) });
const small = randn([2, 3, 4, 4], new Rng(6));
/** 1,000 seeds and 500 changes of each network were tried by hand. */
const SEEDS = Number(process.env["SKIPSTONE_SEEDS"] ?? 40);
const MUTATIONS = Number(process.env["SKIPSTONE_MUTATIONS"] ?? 40);
const tiny =
  (options: Partial<CifarResNetOptions>, depth = 8) =>
  (): Module =>
    cifarResNet(depth, { width: 2, ...options, rng: new Rng(2) });
const networks: readonly [string, () => Module][] = [
  ["pre", tiny({ order: "pre" })],
  ["post", tiny({})],
  ["pre, in evaluation", () => tiny({ order: "pre" })().eval()],
  ["bnAfterAddition", tiny({ order: "bnAfterAddition" })],
  ["reluBeforeAddition", tiny({ order: "reluBeforeAddition" })],
  ["plain", tiny({ shortcut: "none" })],
  ["project", tiny({ shortcut: "project" })],
  ["project, pre", tiny({ order: "pre", shortcut: "project" })],
  ["scale", tiny({ shortcut: "scale", shortcutScale: 0.7 })],
  ["scale, pre", tiny({ order: "pre", shortcut: "scale", shortcutScale: 0.5 })],
  ["gate", tiny({ order: "pre", shortcut: "gate" })],
  ["shortcutGate", tiny({ shortcut: "shortcutGate" })],
  ["conv1x1", tiny({ shortcut: "conv1x1" })],
  ["dropout", tiny({ order: "pre", shortcut: "dropout" })],
  ["skipInit", tiny({ order: "pre", start: "skipInit" })],
  ["fixup", tiny({ start: "fixup" })],
  ["zeroInitLast", tiny({ start: "zeroInitLast" })],
  ["stochastic depth", tiny({ order: "pre", stochasticDepth: 0.5 }, 14)],
  ["bottleneck", tiny({ block: "bottleneck" }, 11)],
  ["one block", () => new BasicBlock(3, 3, { order: "pre", rng: new Rng(0) })],
];
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

  it("takes nothing on trust but a draw, in ordinary networks", () => {
    const unchecked = (options: Partial<CifarResNetOptions>): readonly string[] => {
      const model = net(options, 8);
      return verifyCertificate(certify(model, images), model, images).unchecked;
    };
    expect(unchecked({})).toEqual([]);
    expect(unchecked({ order: "pre" })).toEqual([]);
    for (const options of [{ shortcut: "project" }, { shortcut: "gate" }, { order: "bnAfterAddition" }] as const) {
      expect(unchecked(options)).toEqual(["whole.pathGain: it is not said along which of several ways"]);
    }
    expect(unchecked({ shortcut: "dropout" })).toEqual([
      "draws: another draw with the same outcome would look the same",
    ]);
  });

  it("networks that draw, with every random part switched on, whatever they drew since", () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const rng = new Rng(seed);
      const model = cifarResNet(8, {
        width: 2,
        shortcut: "dropout",
        order: seed % 2 ? "pre" : "post",
        stochasticDepth: 0.5,
        rng,
      });
      const certificate = parsed(certify(model, small, { seed }));
      // The model's generator goes on.
      rng.normal();
      const { valid, failures } = verifyCertificate(certificate, model, small);
      expect({ seed, valid, failures }).toEqual({ seed, ...VALID });
    }
  });

  it("leaves the model as it was", () => {
    const model = net();
    const before = JSON.stringify(Object.values(model.stateDict()).map((t) => Array.from(t.data)));
    verifyCertificate(certify(model, images), model, images);
    expect(JSON.stringify(Object.values(model.stateDict()).map((t) => Array.from(t.data)))).toBe(before);
  });
});

describe("verifyCertificate finds what is not so", () => {
  const certified = net({ order: "pre" });
  const certificate = certify(certified, images);

  it.each<[string, Partial<CifarResNetOptions>]>([
    ["a plain network", { order: "pre", shortcut: "none" }],
    ["a ReLU after the addition", {}],
    ["a scale", { order: "pre", shortcut: "scale" }],
    ["a gate", { order: "pre", shortcut: "gate" }],
    ["projections", { order: "pre", shortcut: "project" }],
    ["dropout", { order: "pre", shortcut: "dropout" }],
  ])("%s where identities were certified", (_, options) => {
    const { valid, failures } = verifyCertificate(certificate, net(options), images);
    expect(valid).toBe(false);
    expect(failures).toContainEqual(expect.stringMatching(/^blocks\[\d\]\.verdict: is "(identity|selection)", found/));
  });

  it("another input, other weights, another mode", () => {
    const failures = (model: Module, x: Tensor): readonly string[] => verifyCertificate(certificate, model, x).failures;
    expect(failures(certified, randn([2, 3, 8, 8], new Rng(7)))).toContainEqual(expect.stringMatching(/^input: is/));
    const other = cifarResNet(14, { width: 4, order: "pre", rng: new Rng(3) });
    expect(failures(other, images)).toContainEqual(expect.stringMatching(/^weights: is/));
    expect(failures(net({ order: "pre" }).eval(), images)).toContain('mode: is "training", found "evaluation"');
  });

  it("a seed of 0.5, a draw that is none: invalid, not an error", () => {
    const result = verifyCertificate({ ...parsed(certificate), seed: 0.5 }, certified, images);
    expect(result.failures).toEqual(["seed: is 0.5, which is not a whole number"]);
    expect(verifyCertificate({ ...parsed(certificate), draws: [{}] }, certified, images).valid).toBe(false);
  });
});

describe("random changes of a certificate", () => {
  /** Every place in a value, with the object that it is in. */
  // biome-ignore lint/suspicious/noExplicitAny: anything that JSON can say
  function placesIn(value: any, field = ""): { holder: any; key: string; field: string }[] {
    if (typeof value !== "object" || value === null) return [];
    return Object.keys(value).flatMap((key) => {
      const name = Array.isArray(value) ? `${field}[${key}]` : field === "" ? key : `${field}.${key}`;
      return [{ holder: value, key, field: name }, ...placesIn(value[key], name)];
    });
  }

  function changed(value: unknown, rng: Rng): unknown {
    const character = (text: string): string => {
      const at = rng.integer(text.length);
      const digit = `${(Number(text[at]) + 1 + rng.integer(9)) % 10}`;
      return text.slice(0, at) + (/\d/.test(text[at]) ? digit : "x") + text.slice(at + 1);
    };
    if (typeof value === "number") {
      const text = `${value}`;
      const other = Number(/^[\d.]+$/.test(text) ? character(text) : text);
      return other !== value && rng.uniform() < 0.6
        ? other
        : [value + 1, value * 1.01 + 1e-3, -value - 1][rng.integer(3)];
    }
    if (typeof value === "string") return value.length > 0 && rng.uniform() < 0.8 ? character(`${value}`) : `${value} `;
    if (typeof value === "boolean") return !value;
    if (value === null) return [0, 1, "null", {}][rng.integer(4)];
    if (Array.isArray(value)) return rng.uniform() < 0.5 && value.length > 0 ? value.slice(1) : [...value, 0];
    return rng.uniform() < 0.5 ? null : { ...(value as object), more: 1 };
  }

  it.each(networks)("%s", (_, build) => {
    const model = build();
    const text = JSON.stringify(certify(model, small, { seed: 3 }));
    const honest = verifyCertificate(JSON.parse(text), model, small);
    expect(honest).toMatchObject(VALID);
    const trusted = honest.unchecked.map((line) => line.slice(0, line.indexOf(":")));
    const rng = new Rng(4);
    for (let i = 0; i < MUTATIONS; i++) {
      const certificate = JSON.parse(text);
      const places = placesIn(certificate);
      const { holder, key, field } = places[rng.integer(places.length)];
      const before = JSON.stringify(certificate);
      holder[key] = changed(holder[key], rng);
      if (JSON.stringify(certificate) === before) continue;
      let found: boolean;
      let listed: readonly string[] = trusted;
      try {
        const result = verifyCertificate(certificate, model, small);
        found = !result.valid;
        listed = result.unchecked.map((line) => line.slice(0, line.indexOf(":")));
      } catch (error) {
        // What has not the form of a certificate.
        expect(error).toBeInstanceOf(UsageError);
        found = true;
      }
      const isListed = listed.some((name) => field.startsWith(name));
      expect({ field, value: holder[key], ok: found || isListed }).toEqual({ field, value: holder[key], ok: true });
    }
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
        expect(certificate.blocks.every(({ numeric }) => numeric?.agrees ?? true)).toBe(true);
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

describe("certificates of another form", () => {
  const net = cifarResNet(8, { width: 2, order: "pre", rng: new Rng(0) });
  const images = randn([1, 3, 8, 8], new Rng(1));
  const claim = (): Record<string, unknown> => JSON.parse(JSON.stringify(certify(net, images)));

  it.each<[string, (c: ReturnType<typeof claim>) => unknown, string]>([
    [
      "a path that is none",
      (c) => ({ ...c, blocks: [{ ...(c["blocks"] as object[])[0], path: null }] }),
      "one whose blocks[0].path is null",
    ],
    [
      "no reason",
      (c) => ({ ...c, blocks: [{ ...(c["blocks"] as object[])[0], reason: undefined }] }),
      "one whose blocks[0].reason is missing",
    ],
    ["an older format", (c) => ({ ...c, format: 1 }), "one whose format is 1"],
    ["something else", () => ({ a: 1 }), "an object { a }"],
  ])("%s", (_, change, words) => {
    expect(() => verifyCertificate(change(claim()) as Certificate, net, images)).toThrow(
      `verifyCertificate: needs a certificate from certify, got ${words}`,
    );
  });

  it("a step with a word for a number is a failure, not an error", () => {
    const forged = JSON.parse(JSON.stringify(certify(net, images)));
    forged.blocks[0].path[0].input = "0";
    expect(verifyCertificate(forged, net, images).failures).toEqual([
      expect.stringMatching(/^blocks\[0\]\.path\[0\]\.input/),
    ]);
  });

  it("without blocks the seed is listed as unchecked", () => {
    const layer = new Linear(4, 4, { rng: new Rng(0) });
    const input = randn([2, 4], new Rng(1));
    const certificate = { ...certify(layer, input), seed: 7 };
    expect(verifyCertificate(certificate, layer, input).unchecked).toEqual([expect.stringMatching(/^seed/)]);
  });
});
