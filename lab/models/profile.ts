/** `npm run lab -- profile NETWORK`: which kernels compute a network, in which tier, how long, and why not faster. */
import { resolve } from "node:path";
import { crossEntropy, noGrad, valueAndGrad } from "../../src/autograd/index.ts";
import type { Module } from "../../src/nn/index.ts";
import {
  formatProfile,
  formatShape,
  type KernelRow,
  profile,
  Rng,
  randn,
  type Shape,
  ShapeError,
  type Tensor,
  useKernels,
  ValueError,
} from "../../src/tensor/index.ts";
import { engineName } from "../engine.ts";
import { messageOf, UsageError } from "../errors.ts";
import { ensureWritable, packageVersion, shownPath, writeTogether } from "../files.ts";
import { channelsOf, networkCalled, parseInput, usualInput } from "./network.ts";
import { headline, profileFiles } from "./profile-page.ts";

export interface ProfileRequest {
  readonly network: string;
  readonly input?: string;
  readonly classes?: number;
  readonly batch?: number;
  readonly pass?: "training" | "inference";
  readonly kernels?: "auto" | "simd" | "plain";
  readonly out: string;
  readonly json: boolean;
}

/** The file that the command writes. */
export interface ProfileFile {
  readonly program: "skipstone";
  readonly version: string;
  readonly engine: string;
  readonly network: string;
  readonly pass: "training" | "inference";
  /** Of one example. */
  readonly input: Shape;
  readonly batch: number;
  /** Each kernel in its fastest pass, the longest first. */
  readonly rows: readonly KernelRow[];
}

/** Passes before the first that counts: the first assembles the kernels, and memory grows after it. */
const UNCOUNTED = 2;
/** Passes that are measured, and the seconds after which no other begins. */
const MOST_PASSES = 5;
const MOST_SECONDS = 10;

/** Rows in a terminal. */
const MOST_LINES = 24;

export function profileNetwork(request: ProfileRequest): string {
  const { network, batch = 8, pass = "training", kernels = "auto", classes } = request;
  const given = request.input === undefined ? undefined : parseInput(request.input);
  const model = networkCalled(network, { classes, inChannels: given && channelsOf(given) }, new Rng(0));
  const input = given ?? usualInput(model);
  const directory = resolve(request.out);
  ensureWritable(directory);
  const what = `${network}, ${pass === "training" ? "one training step" : "inference"}, ${batch} × ${input.join("×")}`;
  process.stderr.write(`Profiling ${what} …\n`);
  useKernels(kernels);
  let rows: readonly KernelRow[];
  try {
    rows = fastest(passOf(model, randn([batch, ...input], new Rng(1)), pass));
  } catch (error) {
    if (!(error instanceof ShapeError || error instanceof ValueError)) throw error;
    throw new UsageError(`${network} on ${batch} × ${formatShape(input)}: ${messageOf(error)}`);
  }
  const engine = engineName();
  const version = packageVersion();
  const file: ProfileFile = { program: "skipstone", version, engine, network, pass, input, batch, rows };
  const contents = profileFiles(file);
  const paths = writeTogether(directory, contents);
  if (request.json) return contents.get("profile.json")!.trimEnd();
  const more = rows.length > MOST_LINES ? `\n… and ${rows.length - MOST_LINES} more, on the page` : "";
  const shown = formatProfile(rows)
    .split("\n")
    .slice(0, 1 + MOST_LINES)
    .join("\n");
  return `${what}: ${headline(rows)}\n\n${shown}${more}\n\n${paths.map(shownPath).join("\n")}`;
}

function passOf(model: Module, x: Tensor, pass: "training" | "inference"): () => void {
  if (pass === "inference") {
    model.eval();
    return () => void noGrad(() => model.forward(x));
  }
  model.train();
  const labels = Array(x.shape[0]).fill(0);
  return () => void valueAndGrad(() => crossEntropy(model.forward(x), labels));
}

/** What the kernels took, each in its fastest pass: other programs disturb each of them now and then. */
function fastest(pass: () => void): readonly KernelRow[] {
  for (let i = 0; i < UNCOUNTED; i++) pass();
  const end = performance.now() + 1000 * MOST_SECONDS;
  const best = new Map<string, KernelRow>();
  for (let i = 0; i < MOST_PASSES && (i === 0 || performance.now() < end); i++) {
    for (const row of profile(pass).rows) {
      const key = [row.kernel, row.shapes, row.tier, row.algorithm, row.why].join();
      const known = best.get(key);
      if (!known || row.milliseconds < known.milliseconds) best.set(key, row);
    }
  }
  return [...best.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}
