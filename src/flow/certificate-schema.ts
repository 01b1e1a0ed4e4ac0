/** The form of a certificate as JSON, for validators: JSON Schema, draft 2020-12. The types are in certificate.ts. */
import { type BlockCertificate, type Certificate, type Passage, VERDICTS, type WholeWay } from "./certificate.ts";
import type { Draw } from "./draws.ts";
import { EFFECTS } from "./path.ts";

type Schema = Readonly<Record<string, unknown>>;

/** An object with exactly these properties. */
function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}

const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: "null" }] });
const array = (items: Schema, more: Schema = {}): Schema => ({ type: "array", items, ...more });

const TEXT: Schema = { type: "string" };
const FLAG: Schema = { type: "boolean" };
const NUMBER: Schema = { type: "number" };
const SIZE: Schema = { type: "number", minimum: 0 };
const COUNT: Schema = { type: "integer", minimum: 0 };
const CHECKSUM: Schema = { type: "string", pattern: "^[0-9a-f]{8}$" };

function passage(): Record<keyof Passage, Schema> {
  return {
    verdict: { enum: VERDICTS },
    factor: orNull(NUMBER),
    onThisInput: FLAG,
    ways: COUNT,
    sent: COUNT,
    arriving: orNull(COUNT),
    open: orNull({ type: "number", minimum: 0, maximum: 1 }),
    gain: SIZE,
    pathGain: SIZE,
  };
}

function block(): Schema {
  const step = object({ op: TEXT, effect: { enum: EFFECTS }, factor: orNull(NUMBER), input: COUNT });
  const arrival = object({ entry: COUNT, factor: NUMBER });
  const own: Record<keyof BlockCertificate, Schema> = {
    block: TEXT,
    call: { type: "integer", minimum: 1 },
    ...passage(),
    holds: FLAG,
    reason: TEXT,
    path: array(step),
    counterexample: orNull(object({ entry: COUNT, arrives: array(arrival, { maxItems: 4 }), step: orNull(COUNT) })),
    numeric: orNull(object({ agrees: FLAG, bitExact: FLAG, shortcutNorm: SIZE, branchNorm: SIZE })),
  };
  return { ...object(own), ...onlyWhereUnchanged({ counterexample: { type: "null" } }) };
}

/** `holds` is true only for an identity or a selection. */
function onlyWhereUnchanged(more: Readonly<Record<string, Schema>>): Schema {
  return {
    if: { properties: { holds: { const: true } } },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so
    then: { properties: { verdict: { enum: ["identity", "selection"] }, ...more } },
  };
}

function schema(): Schema {
  const draw: Record<keyof Draw, Schema> = {
    state: array({ type: "integer", minimum: 0, maximum: 0xffffffff }, { minItems: 4, maxItems: 4 }),
    spare: orNull(NUMBER),
  };
  const whole: Record<keyof WholeWay, Schema> = { ...passage(), from: TEXT, to: TEXT, cut: orNull(TEXT) };
  const certificate: Record<keyof Certificate, Schema> = {
    format: { const: 2 },
    holds: FLAG,
    summary: TEXT,
    blocks: array(block()),
    whole: object(whole),
    model: TEXT,
    mode: { enum: ["training", "evaluation"] },
    seed: { type: "integer" },
    input: CHECKSUM,
    weights: CHECKSUM,
    draws: array(object(draw)),
  };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Skipstone certificate",
    description: "What passes along the shortcuts of a residual network: docs/instruments.md defines it.",
    ...object(certificate),
    if: { properties: { holds: { const: true } } },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so
    then: {
      properties: {
        blocks: { minItems: 1, items: { properties: { holds: { const: true } } } },
        whole: { properties: { verdict: { enum: ["identity", "selection"] } } },
      },
    },
  };
}

/**
 * JSON Schema (draft 2020-12) of `Certificate`, for any validator. It accepts everything that has a certificate's form;
 * `verifyCertificate` checks whether it is true.
 */
export const certificateSchema: Readonly<Record<string, unknown>> = /* @__PURE__ */ schema();
