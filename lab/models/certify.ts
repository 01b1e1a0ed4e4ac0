/**
 * `npm run lab -- certify NETWORK`: proves what passes along the shortcuts, as text, JSON, picture and page. With
 * `--verify FILE` it checks a certificate from someone else. The file has everything needed to make the same network
 * and images again, except weights from a file.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { certificateSchema } from "../../src/flow/certificate-schema.ts";
import { type Certificate, certify, formatCertificate, verifyCertificate } from "../../src/flow/index.ts";
import type { Module, StateDict } from "../../src/nn/index.ts";
import type { Order, ShortcutKind } from "../../src/resnet/index.ts";
import { formatShape, Rng, randn, type Shape, ShapeError, type Tensor, ValueError } from "../../src/tensor/index.ts";
import { messageOf, UsageError } from "../errors.ts";
import { ensureWritable, packageVersion, reasonOf, shownPath, writeTogether } from "../files.ts";
import type { Answer } from "../program.ts";
import { certificateFiles } from "./certificate-page.ts";
import { channelsOf, imageChannels, networkCalled, networkWith, parseInput, usualInput } from "./network.ts";
import { note, readState, type WeightFlags } from "./weights.ts";

export interface CertifyRequest extends WeightFlags {
  /** Required, except with `verify`. */
  readonly network: string | undefined;
  readonly weights?: string;
  readonly order?: Order;
  readonly shortcut?: ShortcutKind;
  readonly input?: string;
  readonly classes?: number;
  readonly batch?: number;
  readonly mode?: "training" | "evaluation";
  readonly seed?: number;
  readonly out: string;
  /** A file to check. */
  readonly verify?: string;
  readonly json: boolean;
}

/** Everything that determines the network and its images. */
export interface Recipe {
  readonly network: string;
  readonly order: Order | null;
  readonly shortcut: ShortcutKind | null;
  readonly classes: number | null;
  /** Shape of one example. */
  readonly input: Shape;
  readonly batch: number;
  readonly mode: "training" | "evaluation";
  readonly seed: number;
  /** The file that its weights were read from, as given; null for random ones. */
  readonly weights: string | null;
}

/** The file that the command writes. */
export interface CertificateFile extends Recipe {
  readonly program: "skipstone";
  readonly version: string;
  readonly certificate: Certificate;
}

/** The most numbers that the images may have: a file from someone else must not fill the memory. */
const MOST_NUMBERS = 2 ** 26;

export async function certifyNetwork(request: CertifyRequest): Promise<Answer> {
  if (request.verify !== undefined) return await verifyFile(request.verify, request);
  const { network } = request;
  if (network === undefined) throw new UsageError("certify: name a network, or a file with --verify");
  const state = request.weights === undefined ? undefined : await readState(request.weights, request);
  const given = request.input === undefined ? undefined : parseInput(request.input);
  const unfinished = {
    network,
    order: request.order ?? null,
    shortcut: request.shortcut ?? null,
    classes: request.classes ?? null,
    batch: request.batch ?? 2,
    mode: request.mode ?? "training",
    seed: request.seed ?? 0,
    weights: request.weights ?? null,
  };
  const model = build(unfinished, state, given && channelsOf(given));
  const input = given ?? usualInput(model, state && imageChannels(state));
  const recipe: Recipe = { ...unfinished, input };
  const directory = resolve(request.out);
  ensureWritable(directory);
  note(`Certifying ${described(recipe)} …`);
  const certificate = atWork(recipe, () => certify(model, images(recipe), { seed: recipe.seed }));
  const file: CertificateFile = { program: "skipstone", version: packageVersion(), ...recipe, certificate };
  const contents = certificateFiles(file);
  const paths = writeTogether(directory, contents);
  const text = request.json
    ? contents.get("certificate.json")!.trimEnd()
    : `${formatCertificate(certificate)}\n\n${paths.map(shownPath).join("\n")}`;
  return { text, exitCode: certificate.holds ? 0 : 1 };
}

/** @param inChannels of the images; undefined for the network's usual ones. */
function build(recipe: Omit<Recipe, "input">, state: StateDict | undefined, inChannels: number | undefined): Module {
  const { network, order, shortcut, classes, mode, seed } = recipe;
  const options = { order, shortcut, classes, inChannels };
  const model = state ? networkWith(network, state, options) : networkCalled(network, options, new Rng(seed));
  return mode === "training" ? model.train() : model.eval();
}

/** Normal numbers from a separate generator: the images are the same whatever the network drew. */
function images({ batch, input, seed }: Recipe): Tensor {
  return randn([batch, ...input], new Rng(seed ^ 0x51ab5));
}

/** The library's errors about images that do not fit become errors about the option. */
function atWork<T>(recipe: Recipe, fn: () => T): T {
  if (recipe.batch * recipe.input.reduce((product, length) => product * length, 1) > MOST_NUMBERS) {
    throw new UsageError(`${recipe.batch} × ${formatShape(recipe.input)} are too many numbers for one certificate`);
  }
  try {
    return fn();
  } catch (error) {
    if (!(error instanceof ShapeError || error instanceof ValueError)) throw error;
    throw new UsageError(`${recipe.network} on ${recipe.batch} × ${formatShape(recipe.input)}: ${messageOf(error)}`);
  }
}

function described({ network, batch, input, mode, weights }: Recipe): string {
  return `${network}, ${weights === null ? "random weights" : weights}, ${batch} × ${input.join("×")}, ${mode} mode`;
}

async function verifyFile(path: string, request: CertifyRequest): Promise<Answer> {
  const { certificate, ...recipe } = readFile(path);
  for (const option of ["network", "order", "shortcut", "classes", "batch", "mode", "seed"] as const) {
    const asked = request[option];
    if (asked !== undefined && asked !== recipe[option]) {
      throw new UsageError(`${path} is about ${option} ${recipe[option] ?? "as usual"}, not ${asked}`);
    }
  }
  if (request.input !== undefined && parseInput(request.input).join() !== recipe.input.join()) {
    throw new UsageError(`${path} is about input ${recipe.input.join("x")}, not ${request.input}`);
  }
  // A path in a file from someone else is no reason to read that path.
  if (request.weights === undefined && recipe.weights !== null) {
    throw new UsageError(`${path} is about weights from the file ${recipe.weights}: name it with --weights`);
  }
  const state = request.weights === undefined ? undefined : await readState(request.weights, request);
  note(`Verifying ${path}: ${described({ ...recipe, weights: request.weights ?? null })} …`);
  const verification = atWork(recipe, () =>
    verifyCertificate(certificate, build(recipe, state, channelsOf(recipe.input)), images(recipe)),
  );
  const { valid, failures, unchecked } = verification;
  const list = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];
  const lines = [
    valid ? `Valid. It says: ${certificate.summary}` : "Not valid.",
    ...list("Failures", failures),
    ...list("Unchecked", unchecked),
  ];
  return { text: request.json ? JSON.stringify(verification, null, 1) : lines.join("\n"), exitCode: valid ? 0 : 1 };
}

const LENGTH = { type: "integer", minimum: 1, maximum: 65536 };
const orNull = (type: string): unknown => ({ type: [type, "null"] });

const FILE_SCHEMA = {
  type: "object",
  required: ["network", "order", "shortcut", "classes", "input", "batch", "mode", "seed", "weights", "certificate"],
  properties: {
    network: { type: "string" },
    order: orNull("string"),
    shortcut: orNull("string"),
    classes: { anyOf: [{ ...LENGTH, maximum: 1e6 }, { type: "null" }] },
    input: { type: "array", items: LENGTH, minItems: 1, maxItems: 3 },
    batch: { ...LENGTH, maximum: 1024 },
    mode: { enum: ["training", "evaluation"] },
    seed: { type: "integer", minimum: 0, maximum: 0xffffffff },
    weights: orNull("string"),
    certificate: certificateSchema,
  },
};

function readFile(path: string): CertificateFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read the certificate ${path}: ${reasonOf(error)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the certificate ${path} is not JSON: ${messageOf(error)}`);
  }
  const validate = new Ajv2020({ strict: false }).compile<CertificateFile>(FILE_SCHEMA);
  if (validate(value)) return value;
  const [{ instancePath, message }] = validate.errors!;
  const where = instancePath === "" ? "" : `${instancePath.slice(1).replaceAll("/", ".")} `;
  throw new UsageError(`${path} is not a certificate written by this command: ${where}${message}`);
}
