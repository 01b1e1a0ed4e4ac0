/**
 * What TypeScript would refuse is refused at run time too: every public function of the instruments, data, files and
 * `summary`, called with one argument or option of a wrong kind, or with an option that does not exist, throws an error of
 * the library that names the function. A public function that is not in the table fails.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { add, crossEntropy, mul } from "../../src/autograd/index.ts";
import * as data from "../../src/data/index.ts";
import * as flow from "../../src/flow/index.ts";
import * as io from "../../src/io/index.ts";
import { SGD, summary } from "../../src/nn/index.ts";
import * as node from "../../src/node/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { Rng, randn, SkipstoneError, tensor } from "../../src/tensor/index.ts";

/** What a place takes: whether a value may be right there, so that it is no example of a wrong one. */
type Kind = (value: unknown) => boolean;

const nothing: Kind = () => false;
const aFunction: Kind = (v) => typeof v === "function";
const whole =
  (least: number): Kind =>
  (v) =>
    Number.isInteger(v) && (v as number) >= least;
const positive: Kind = (v) => typeof v === "number" && v > 0;
const notNegative: Kind = (v) => typeof v === "number" && v >= 0 && v < Infinity;
const share: Kind = (v) => typeof v === "number" && v >= 0 && v <= 1;
/** The least and the most. */
const range: Kind = (v) =>
  listOf(positive)(v) && (v as number[]).length === 2 && (v as number[])[0] <= (v as number[])[1];
const flag: Kind = (v) => typeof v === "boolean";
const bytes: Kind = (v) => v instanceof Uint8Array || v instanceof ArrayBuffer;
const text: Kind = (v) => typeof v === "string";
const listOf =
  (kind: Kind): Kind =>
  (v) =>
    Array.isArray(v) && v.every(kind);
const emptyObject: Kind = (v) =>
  Object.prototype.toString.call(v) === "[object Object]" && Object.keys(v as object).length === 0;
const empty: Kind = (v) => emptyObject(v) || (v instanceof Map && v.size === 0);
/** Texts by name. */
const texts: Kind = (v) =>
  v instanceof Map
    ? [...v].flat().every(text)
    : Object.prototype.toString.call(v) === "[object Object]" && Object.values(v as object).every(text);
const optional =
  (kind: Kind): Kind =>
  (v) =>
    v === undefined || kind(v);

/** An argument of a valid call: its value and what its place takes. Of an object of options, what each of them takes. */
interface Argument {
  readonly value: unknown;
  readonly kind: Kind;
  readonly options?: Readonly<Record<string, Kind>>;
}

const arg = (value: unknown, kind: Kind = nothing): Argument => ({ value, kind });
/** Options that may be left out. */
const options = (value: object, kinds: Readonly<Record<string, Kind>>): Argument => ({
  value,
  kind: optional(emptyObject),
  options: Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, optional(kind)])),
});
/** Options some of which are needed: `{}` will not do, nor will those without them. */
const needed = (value: object, kinds: Readonly<Record<string, Kind>>): Argument => ({
  value,
  kind: nothing,
  options: kinds,
});

const model = cifarResNet(14, { width: 2, rng: new Rng(0) });
const images = randn([2, 3, 4, 4], new Rng(1));
const image = randn([1, 3, 4, 4], new Rng(2));
const evaluated = cifarResNet(8, { width: 2, rng: new Rng(0) }).eval();
const gated = cifarResNet(8, { width: 2, shortcut: "gate", rng: new Rng(0) });
const loss = () => crossEntropy(model.forward(images), [0, 1]);
const measure = () => 1;
const certificate = flow.certify(model, images);
const rows = flow.layerStatistics(model, loss);
const line = { spacing: 1, size: 1, values: Float64Array.of(1, -1, 1, -1) };
const x = tensor([1, 2], { requiresGrad: true });
const y = add(x, mul(x, 2));
const twice = (t: typeof x) => mul(t, 2);

const pixels = Uint8Array.from({ length: 16 }, (_, i) => i);
const dataset: data.Dataset = {
  name: "made",
  images: pixels,
  labels: Uint8Array.of(0, 1, 0, 1),
  shape: [4, 1, 2, 2],
  classes: ["a", "b"],
};
const idxImages = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2, ...pixels);
const idxLabels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1);
const state = { w: tensor([1, 2, 3]) };
const sgd = new SGD([x], { lr: 0.1 });
const checkpoint = { tensors: state, metadata: { format: "skipstone checkpoint 1", training: "{}" } };
const tfjsModel = new TextEncoder().encode('{"weightsManifest":[]}');
const [pth, safetensors] = [io.writePth(state), io.writeSafetensors(state)];

const folder = mkdtempSync(join(tmpdir(), "skipstone-arguments-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "weights.safetensors");
writeFileSync(file, safetensors);
const pictures = join(folder, "pictures");
mkdirSync(join(pictures, "cats"), { recursive: true });
writeFileSync(join(pictures, "cats", "1.png"), "");

const readOptions = { name: text, stripPrefix: (v: unknown) => v === false || text(v), rename: listOf(nothing) };
const pthOptions = { ...readOptions, key: text, unknownObjects: nothing };
/** What structuredClone makes of a tensor can be written as one. */
const clone: Kind = (v) => Array.isArray((v as { shape?: unknown } | null | undefined)?.shape);
const lineOptions = { points: whole(2), batchSize: whole(1), seed: whole(-Infinity) };
const seed: Kind = whole(-Infinity);
/** A name of a type is a text, and a function may return one. */
const dtype: Kind = (v) => typeof v === "function";
const source = (file: Uint8Array): Argument => arg(file, bytes);
/** A file, or several that belong together. */
const sources = (file: Uint8Array): Argument =>
  arg(file, (v) => bytes(v) || (Array.isArray(v) && v.length > 0 && v.every(bytes)));

/** A valid call of every public function, by layer. */
const CALLS: Readonly<Record<string, Readonly<Record<string, readonly Argument[]>>>> = {
  flow: {
    autocorrelation: [arg(line), arg(1, optional(whole(0)))],
    blockSpectra: [
      arg(evaluated),
      arg(image),
      options({ blocks: ["layer1.0"], largest: 1 }, { largest: whole(1), seed, blocks: listOf(nothing) }),
    ],
    certify: [arg(model), arg(images), options({ seed: 1 }, { seed })],
    certifyBetween: [arg(images), arg(images), options({ seed: 1 }, { seed })],
    findAnomaly: [arg(model), arg(loss)],
    describeNetwork: [arg(model)],
    flowRecorder: [
      arg(model),
      options(
        { every: 2, only: ["gradientNorm"] },
        {
          ...{ every: whole(1), keep: whole(1), when: aFunction },
          ...{ only: listOf(nothing), layers: listOf(nothing) },
        },
      ),
    ],
    flowVerdict: [arg(rows), options({ vanishing: 1e-2 }, { vanishing: positive, exploding: positive })],
    formatCertificate: [arg(certificate)],
    singularBounds: [arg(model), arg(images), options({ seed: 1 }, { seed })],
    toSvg: [arg(certificate), options({ width: 300 }, { width: whole(1) })],
    identityShares: [arg(model), arg(loss)],
    jacobian: [arg(twice), arg(x)],
    jacobianSpectrum: [arg(twice), arg(x), options({ largest: 1 }, { largest: whole(1), seed })],
    landscape: [
      arg(model),
      arg(measure, aFunction),
      needed(
        { dimensions: 1, points: 2 },
        {
          dimensions: (v) => v === 1 || v === 2,
          points: optional(whole(2)),
          range: optional(positive),
          seed: optional(seed),
          done: optional(listOf(nothing)),
        },
      ),
    ],
    landscapeSize: [
      needed({ dimensions: 2, points: 3 }, { dimensions: (v) => v === 1 || v === 2, points: optional(whole(2)) }),
    ],
    layerStatistics: [arg(model), arg(loss)],
    lesions: [arg(model), arg(measure, aFunction), options({ targets: ["layer1.0"] }, { targets: listOf(nothing) })],
    lineGradients: [arg(model), arg(image), arg(image), options({ points: 2 }, lineOptions)],
    manyLesions: [
      arg(model),
      arg(measure, aFunction),
      needed(
        { counts: [1], trials: 1 },
        { counts: listOf(whole(0)), trials: optional(whole(1)), seed: optional(seed) },
      ),
    ],
    networkShare: [arg(model), arg(loss)],
    pathDistribution: [arg(3, whole(0))],
    pathGradients: [
      arg(model),
      arg(loss),
      options({ samples: 1, lengths: [1] }, { samples: whole(1), seed, lengths: listOf(whole(0)) }),
    ],
    readGates: [arg(gated), arg(images)],
    reorderings: [
      arg(model),
      arg(() => loss().item(), aFunction),
      needed({ swaps: [1], trials: 1 }, { swaps: listOf(whole(0)), trials: optional(whole(1)), seed: optional(seed) }),
    ],
    saliency: [
      arg(model),
      arg(images),
      arg([1, 2], (v) => {
        const known = [v].flat().every((c) => whole(0)(c) && (c as number) < 10);
        return v === undefined || (known && (typeof v === "number" || (v as unknown[]).length === 2));
      }),
    ],
    shareRecorder: [arg(model), options({ every: 2 }, { every: whole(1), keep: whole(1), when: aFunction })],
    shattering: [
      arg(model),
      arg(image),
      arg(image),
      options({ points: 2, maxLag: 1 }, { ...lineOptions, maxLag: whole(0) }),
    ],
    shortcutPath: [arg(y), arg(x)],
    toCsv: [
      arg(
        rows,
        listOf((v) => typeof v === "object" && v !== null && !Array.isArray(v)),
      ),
    ],
    verifyCertificate: [arg(certificate), arg(model), arg(images)],
    withLesion: [arg(model), arg(["layer1.0"], listOf(nothing)), arg(measure, aFunction)],
    withOrder: [arg(model), arg({ "layer1.0": "layer1.1" }, empty), arg(measure, aFunction)],
  },
  data: {
    batches: [
      arg(dataset),
      needed(
        { batchSize: 2, rng: new Rng(0), normalize: { mean: [0], std: [1] }, augment: data.randomCrop(1) },
        {
          batchSize: whole(1),
          rng: nothing,
          normalize: optional(nothing),
          augment: optional(aFunction),
          dropLast: optional(flag),
          limit: optional(whole(1)),
        },
      ),
    ],
    batchesFrom: [
      arg(new MessageChannel().port1),
      options({ ahead: 2, epoch: 1, rng: new Rng(0) }, { ahead: whole(1), epoch: whole(0), rng: nothing }),
    ],
    channelStatistics: [arg(dataset)],
    colorJitter: [
      options(
        { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
        { brightness: notNegative, contrast: notNegative, saturation: notNegative, hue: share },
      ),
    ],
    compose: [arg(data.randomFlip(), aFunction), arg(data.randomCrop(1), aFunction)],
    cutmix: [
      arg({ x: images, labels: Int32Array.of(0, 1) }),
      needed(
        { classes: 2, rng: new Rng(0), alpha: 1 },
        { classes: whole(2), rng: nothing, alpha: optional((v) => positive(v) && v !== Infinity) },
      ),
    ],
    decodeImages: [
      arg(data.imageFolder(["cats/1.png"])),
      needed(
        { decode: () => ({ width: 1, height: 1, data: pixels.subarray(0, 3) }), transform: () => image },
        { decode: aFunction, transform: optional(aFunction), concurrency: optional(whole(1)) },
      ),
    ],
    gunzip: [source(new Uint8Array(gzipSync(pixels)))],
    imageFolder: [arg(["cats/1.png"]), options({ extensions: [".png"] }, { extensions: optional(nothing) })],
    imageToTensor: [
      arg({ width: 2, height: 1, data: Uint8Array.of(1, 2) }),
      {
        value: { resize: 4, crop: 3, mean: [0], std: [1] },
        kind: optional(nothing),
        options: {
          resize: optional(whole(1)),
          crop: optional(whole(1)),
          mean: (v) => listOf(Number.isFinite)(v) && (v as number[]).length === 1,
          std: (v) => listOf((n) => positive(n) && n !== Infinity)(v) && (v as number[]).length === 1,
        },
      },
    ],
    makeDataset: [arg(dataset)],
    mixup: [
      arg({ x: images, labels: Int32Array.of(0, 1) }),
      needed(
        { classes: 2, rng: new Rng(0), alpha: 1 },
        { classes: whole(2), rng: nothing, alpha: optional((v) => positive(v) && v !== Infinity) },
      ),
    ],
    randomCrop: [arg(2, whole(0))],
    randomErasing: [
      options(
        { probability: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3], value: 0 },
        {
          probability: share,
          scale: nothing,
          ratio: range,
          value: (v) => [v].flat().every(Number.isFinite),
        },
      ),
    ],
    randomFlip: [
      arg(
        0.5,
        optional((v) => typeof v === "number" && v >= 0 && v <= 1),
      ),
    ],
    randomResizedCrop: [options({ scale: [0.08, 1], ratio: [0.75, 1.5] }, { scale: nothing, ratio: range })],
    randomSplit: [arg(dataset), arg([1], listOf(nothing)), arg(new Rng(0))],
    readCifar10: [arg([new Uint8Array(3073)])],
    readCifar100: [
      source(new Uint8Array(3074)),
      options({ labels: "coarse" }, { labels: nothing, classes: listOf(text) }),
    ],
    readIdx: [source(idxLabels)],
    readMnist: [source(idxImages), source(idxLabels), options({ classes: ["a", "b"] }, { classes: listOf(text) })],
    sample: [arg(dataset), arg(1, (v) => v === 1), arg(new Rng(0))],
    serveBatches: [arg(() => [], aFunction), arg(new MessageChannel().port1)],
    shareDataset: [arg(dataset)],
    subset: [
      arg(dataset),
      arg([0], (v) => {
        const indices = ArrayBuffer.isView(v) ? Array.from(v as Uint8Array) : v;
        return listOf((i) => whole(0)(i) && (i as number) < 4)(indices) && (indices as number[]).length > 0;
      }),
    ],
  },
  io: {
    exportOnnx: [
      arg(model),
      needed(
        { inputShape: [3, 4, 4], name: "net" },
        {
          inputShape: listOf(whole(1)),
          dynamicBatch: optional(flag),
          dynamicSize: optional(flag),
          operators: optional(emptyObject),
          opset: optional((v) => Number.isInteger(v)),
          foldBatchNorm: optional(flag),
          inputName: optional(text),
          outputName: optional(text),
          name: optional(text),
          producerVersion: optional(text),
        },
      ),
    ],
    importOnnx: [
      arg(io.exportOnnx(model, { inputShape: [3, 4, 4] }), bytes),
      options({ rng: new Rng(0) }, { rng: nothing, anyBatch: optional(flag) }),
    ],
    loadWeights: [sources(pth), options({ name: "mine" }, pthOptions)],
    matchNames: [arg(model.stateDict()), arg(model)],
    openPth: [source(pth), options({ name: "mine" }, pthOptions)],
    openSafetensors: [source(safetensors), options({ name: "mine" }, readOptions)],
    openWeights: [sources(safetensors), options({ key: "" }, pthOptions)],
    pthChunks: [arg(state, empty), options({ dtype: "float16" }, { dtype })],
    readCheckpoint: [arg(io.writeCheckpoint(checkpoint), bytes)],
    readPth: [source(pth), options({ name: "mine" }, pthOptions)],
    readSafetensors: [source(safetensors), options({ name: "mine" }, readOptions)],
    readTfjs: [
      arg(tfjsModel, bytes),
      arg([], listOf(bytes)),
      options({ name: "mine" }, { ...readOptions, layout: nothing }),
    ],
    readWeights: [sources(pth), options({ unknownObjects: "skip" }, pthOptions)],
    safetensorsChunks: [arg(state, empty), options({ dtype: "float16" }, { dtype, metadata: texts })],
    writeCheckpoint: [arg(checkpoint)],
    writeNpy: [arg(tensor([1, 2]), clone), options({ dtype: "float16" }, { dtype })],
    writeNpz: [arg(state, empty), options({ dtype: "float16" }, { dtype })],
    writePth: [arg(state, empty), options({ dtype: "float16" }, { dtype })],
    loadPthOptimizer: [
      arg(sgd),
      source(io.writePthCheckpoint(state, sgd)),
      options({ key: "optimizer" }, { name: text, key: text, unknownObjects: nothing }),
    ],
    writePthCheckpoint: [arg(state, empty), arg(sgd)],
    writeSafetensors: [arg(state, empty), options({ metadata: { a: "b" } }, { dtype, metadata: texts })],
  },
  node: {
    loadWeightsFile: [arg(file, text), options({ name: "mine" }, pthOptions)],
    openFile: [arg(file, text)],
    openWeightsFile: [arg(file, text), options({ name: "mine" }, pthOptions)],
    readImageFolder: [arg(pictures, text), options({ extensions: [".png"] }, { extensions: optional(nothing) })],
    saveWeightsFile: [
      arg(join(folder, "saved.safetensors"), text),
      arg(state, empty),
      options({ dtype: "float16" }, { dtype, metadata: texts }),
    ],
    writeFileWhole: [
      arg(join(folder, "whole"), text),
      arg([pixels], (v) => typeof v === "object" && v !== null && Symbol.iterator in v && [...(v as [])].length === 0),
    ],
  },
  nn: { summary: [arg(model), arg([3, 4, 4], listOf(whole(1)))] },
};

const LAYERS: Readonly<Record<string, object>> = { flow, data, io, node, nn: { summary } };

/** Functions that are no classes. */
function functionsOf(layer: object): string[] {
  return Object.entries(layer)
    .filter(([, member]) => typeof member === "function" && !/^class\b/.test(String(member)))
    .map(([name]) => name)
    .sort();
}

it.each(Object.keys(LAYERS))("%s: every public function is in the table", (layer) => {
  expect(Object.keys(CALLS[layer]).sort()).toEqual(functionsOf(LAYERS[layer]));
});

/** Calls it to the end: generators run, promises are awaited, opened files are closed. */
async function call(layer: string, name: string, args: readonly unknown[]): Promise<void> {
  const members = LAYERS[layer] as Record<string, (...given: unknown[]) => unknown>;
  const result = await members[name](...args);
  const { next, close } = (result ?? {}) as { next?: unknown; close?: () => Promise<void> };
  if (typeof next === "function") for await (const _ of result as AsyncIterable<unknown>);
  await close?.();
}

function replaced(list: readonly unknown[], index: number, value: unknown): unknown[] {
  return list.map((old, i) => (i === index ? value : old));
}

/** Values of every kind, with many that come near to right ones. */
const anyValue = fc.oneof(
  fc.anything({
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withDate: true,
    withBigInt: true,
    withNullPrototype: true,
  }),
  fc.constantFrom<unknown>(
    ...[
      undefined,
      null,
      Number.NaN,
      -1,
      0.5,
      "32",
      Infinity,
      true,
      () => 1,
      async () => 1,
      Promise.resolve(1),
      Symbol("s"),
    ],
    ...[[], {}, [1, 2], new Float32Array(3), { shape: [1], data: new Float32Array(1) }, { length: 3 }, images.shape],
  ),
);

const table = Object.entries(CALLS).flatMap(([layer, calls]) =>
  Object.entries(calls).map(([name, args]) => ({ layer, name, args })),
);

describe.each(table)("$name", ({ layer, name, args }) => {
  const given = args.map(({ value }) => value);
  const refuses = async (wrong: readonly unknown[]): Promise<void> => {
    const error: unknown = await call(layer, name, wrong).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error, "an error of the library").toBeInstanceOf(SkipstoneError);
    expect((error as Error).message).toContain(name);
  };

  it("a valid call passes", async () => {
    await call(layer, name, given);
  });

  it("an argument of a wrong kind", async () => {
    const places = args.map((place, i) => ({ ...place, i }));
    const wrong = fc
      .constantFrom(...places)
      .chain((place) =>
        fc.record({ place: fc.constant(place), value: anyValue.filter((value) => !place.kind(value)) }),
      );
    await fc.assert(
      fc.asyncProperty(wrong, ({ place: { i }, value }) => refuses(replaced(given, i, value))),
      { numRuns: 60 },
    );
  });

  const at = args.findIndex((place) => place.options);
  if (at < 0) return;
  const { value, options: kinds } = args[at] as { value: object; options: Readonly<Record<string, Kind>> };

  it("an option that there is not", async () => {
    const names = fc
      .string({ minLength: 1 })
      .filter((option) => !Object.hasOwn(kinds, option) && option !== "example" && option !== "__proto__");
    await fc.assert(
      fc.asyncProperty(names, (option) => refuses(replaced(given, at, { ...value, [option]: 1 }))),
      { numRuns: 20 },
    );
  });

  it("an option of a wrong kind", async () => {
    const wrong = fc
      .constantFrom(...Object.keys(kinds))
      .chain((option) => fc.record({ option: fc.constant(option), wrong: anyValue.filter((v) => !kinds[option](v)) }));
    await fc.assert(
      fc.asyncProperty(wrong, ({ option, wrong }) => refuses(replaced(given, at, { ...value, [option]: wrong }))),
      { numRuns: 60 },
    );
  });
});
