/** The schema, read by a validator of other people. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { VERDICTS } from "../../src/flow/certificate.ts";
import { certificateSchema } from "../../src/flow/certificate-schema.ts";
import { certify } from "../../src/flow/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { Rng, randn } from "../../src/tensor/index.ts";
import { blockOf, certificateOf } from "./certificate-fixture.ts";

const accepts = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true }).compile(
  certificateSchema,
);
const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("accepts", () => {
  it.each(["identity", "pad", "project", "none", "scale", "gate", "dropout"] as const)(
    "what certify says of %s shortcuts",
    (shortcut) => {
      const model = cifarResNet(8, { width: 2, shortcut, rng: new Rng(1) });
      const text = JSON.stringify(certify(model, randn([2, 3, 8, 8], new Rng(2))));
      expect(accepts(JSON.parse(text)), JSON.stringify(accepts.errors)).toBe(true);
    },
  );

  it.each(VERDICTS)("a block of verdict %s", (verdict) => {
    const block = blockOf(verdict, "layer1.0", verdict === "undecided" ? { arriving: null, open: null } : {});
    expect(accepts(sent(certificateOf([block]))), JSON.stringify(accepts.errors)).toBe(true);
  });
});

describe("refuses", () => {
  const honest = certificateOf([blockOf("identity", "layer1.0"), blockOf("selection", "layer2.0")]);
  const changed: [string, unknown][] = [
    ["nothing", null],
    ["a list", [honest]],
    ["the first format", { ...honest, format: 1 }],
    ["what nobody defined", { ...honest, note: "trust me" }],
    ["a block's word that nobody defined", certificateOf([{ ...honest.blocks[0], proven: true } as never])],
    ["a verdict that there is not", certificateOf([blockOf("perfect" as never, "layer1.0")])],
    ["an opening above 1", certificateOf([blockOf("identity", "layer1.0", { open: 1.56 })])],
    ["a gain below 0", certificateOf([blockOf("identity", "layer1.0", { gain: -1 })])],
    ["a factor that is NaN", { ...honest, whole: { ...honest.whole, gain: Number.NaN } }],
    ["half an entry", certificateOf([blockOf("identity", "layer1.0", { sent: 0.5 })])],
    ["a mask that holds", certificateOf([blockOf("mask", "layer1.0", { holds: true, counterexample: null })])],
    ["a whole that holds though a block does not", certificateOf([blockOf("mask", "layer1.0")], { holds: true })],
    ["a whole without blocks that holds", certificateOf([], { holds: true })],
    ["a seed of 0.5", { ...honest, seed: 0.5 }],
    ["a checksum of other letters", { ...honest, weights: "nonsense" }],
    ["three numbers of a generator's four", { ...honest, draws: [{ state: [1, 2, 3], spare: null }] }],
    ["a call number 0", certificateOf([blockOf("identity", "layer1.0", { call: 0 })])],
  ];
  it.each(changed)("%s", (_, value) => {
    expect(accepts(sent(value))).toBe(false);
  });

  it.each(Object.keys(honest))("a certificate without %s", (key) => {
    const { [key]: _, ...rest } = sent(honest) as Record<string, unknown>;
    expect(accepts(rest)).toBe(false);
  });

  it.each(Object.keys(honest.blocks[0]))("a block without %s", (key) => {
    const { [key]: _, ...rest } = sent(honest.blocks[0]) as Record<string, unknown>;
    expect(accepts({ ...honest, blocks: [rest] })).toBe(false);
  });
});
