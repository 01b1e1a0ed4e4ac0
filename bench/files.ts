/**
 * `node build/bench/files.js`: what stands before a network. Loading ResNet-50's weights against reading the file alone, and
 * preparing a photo of 12 megapixels (pixels to tensor) against Pillow, which the Python in SKIPSTONE_PYTHON, or python3, must have.
 * In turns; the ratio is the median of those of the turns.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { imageToTensor } from "../src/data/index.ts";
import { loadWeightsFile, saveWeightsFile } from "../src/node/index.ts";
import { createModel } from "../src/resnet/index.ts";
import { Rng } from "../src/tensor/rng.ts";
import { describeMachine } from "./machine.ts";
import { median } from "./measure.ts";

const ROUNDS = 9;

async function milliseconds(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function say(name: string, ours: readonly number[], theirs: readonly number[], limit: number): void {
  const ratio = median(ours.map((time, i) => time / theirs[i]));
  const [our, their] = [ours, theirs].map((times) => median(times).toFixed(1));
  console.log(`${name}: ${our} / ${their} ms, ${ratio.toFixed(2)} (≤ ${limit}: ${ratio <= limit ? "ok" : "short"})`);
}

console.log(describeMachine());
const folder = mkdtempSync(join(tmpdir(), "skipstone-bench-"));
try {
  const state = createModel("resnet50", { rng: new Rng(0) }).stateDict();
  for (const [ending, limit] of [[".safetensors", 1.3] as const, [".pth", 2] as const]) {
    const path = join(folder, `resnet50${ending}`);
    await saveWeightsFile(path, state);
    const [ours, theirs]: number[][] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(await milliseconds(() => readFileSync(path)));
      ours.push(await milliseconds(() => loadWeightsFile(path)));
    }
    say(`ResNet-50 from ${ending}, against reading the file`, ours, theirs, limit);
  }
} finally {
  rmSync(folder, { recursive: true });
}

const data = new Uint8Array(4000 * 3000 * 3).map((_, i) => (i * 7919) & 255);
const prepare = (): unknown => imageToTensor({ width: 4000, height: 3000, data });
for (let i = 0; i < 3; i++) prepare();
const ours: number[] = [];
const theirs: number[] = [];
const script = fileURLToPath(new URL("../../bench/peers/pillow.py", import.meta.url));
try {
  for (let round = 0; round < 5; round++) {
    // Each process warms up by itself: its first time does not count.
    const printed = execFileSync(process.env["SKIPSTONE_PYTHON"] ?? "python3", [script, "6"], { encoding: "utf8" });
    theirs.push(median(printed.trim().split("\n").slice(1).map(Number)));
    const times: number[] = [];
    for (let i = 0; i < 5; i++) times.push(await milliseconds(prepare));
    ours.push(median(times));
  }
  say("a photo of 12 megapixels, against Pillow", ours, theirs, 1.5);
} catch (error) {
  console.log(`a photo of 12 megapixels: not compared with Pillow: ${(error as Error).message.split("\n").at(-1)}`);
}
