/** The built declarations as a strict program of a user sees them: what compiles, what does not, and what it then says. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { buildPackage, tsc } from "./build.ts";

let folder: string;
beforeAll(async () => {
  folder = `${await buildPackage("types-package")}-user`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  symlinkSync(join(folder, "../types-package"), join(folder, "node_modules/skipstone"), "dir");
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
}, 120_000);

/** The compiler's messages about a program; none if it compiles. */
function messages(code: string, moduleResolution: "bundler" | "nodenext" = "bundler"): string {
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    target: "es2022",
    lib: ["es2022", "dom"],
    types: [],
    module: moduleResolution === "bundler" ? "esnext" : "nodenext",
    moduleResolution,
    noEmit: true,
  };
  writeFileSync(join(folder, "program.ts"), code);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  try {
    tsc("-p", folder);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

const START = `
import { accuracy, argmax, copyState, crossEntropy, evaluate, fit, Linear, mseLoss, mul, noGrad, predict, Rng, SGD, type StateDict, type Tensor, tensor } from "skipstone";
const t = tensor([[1, 2], [3, 4]]);
const model = new Linear(2, 2, { rng: new Rng(0) });
const optimizer = new SGD(model.parameters(), { lr: 0.1 });
`;

describe.each(["bundler", "nodenext"] as const)("%s: compiles without a cast", (moduleResolution) => {
  it.each([
    [
      "the numbers of a tensor",
      `const total: number = t.data.reduce((a, b) => a + b, 0);
       const one: number = t.toArray()[0][0];
       const plain: Float32Array = t.data;
       for (const row of t.toArray()) for (const v of row) v.toFixed(2);
       Math.max(...t);`,
    ],
    [
      "messages to a worker",
      `declare const worker: Worker;
       worker.postMessage(t.data, [t.data.buffer]);
       worker.postMessage(model.stateDict());
       worker.onmessage = ({ data }) => model.loadStateDict(data);
       new Blob([t.data]);`,
    ],
    [
      "a copy of the weights, and the ways back",
      `let best: StateDict = copyState(model);
       model.loadStateDict(best);
       model.loadStateDict(structuredClone(best));
       model.loadStateDict(JSON.parse(JSON.stringify(best)));`,
    ],
    [
      "losses, metrics and callbacks that are written where they are used",
      `const { epochs } = await fit(model, {
         data: async function* () { yield { x: t, labels: Uint8Array.of(0, 255) }; },
         optimizer,
         epochs: 2,
         loss: (output, labels) => crossEntropy(output, labels, { ignoreIndex: 255 }),
         metrics: {
           accuracy,
           top: (output, labels) => accuracy(output, labels, { top: 2 }),
           share: (output, labels) => argmax(output, 1).data.filter((c, i) => c === labels[i]).length / labels.length,
         },
         onStep: ({ outputs: [output], metrics }) => { output.shape; metrics.share.toFixed(2); },
         onEpoch: async ({ loss }) => { if (loss < 1) return false; },
       });
       epochs[0].metrics.top.toFixed(2);
       await fit(model, { data: () => [{ x: t, labels: t }], optimizer, steps: 1, loss: mseLoss });
       const all: Tensor = (await evaluate(model, [{ x: t, labels: [0, 1] }], { predictions: true })).predictions;
       const same: Tensor = await predict(model, [{ x: t }]);`,
    ],
    [
      "noGrad of anything that has finished",
      `declare const untyped: any;
       const y: Tensor = noGrad(() => mul(t, 2));
       const [a, b] = noGrad(() => [t, "text"] as const);
       noGrad(() => {});
       noGrad(() => untyped);`,
    ],
  ])("%s", { timeout: 60_000 }, (_, code) => {
    expect(messages(START + code, moduleResolution)).toBe("");
  });
});

describe("does not compile, and says why", () => {
  const finished = "it must finish before it returns: it cannot be async or a generator";
  it.each([
    ["noGrad(async () => mul(t, 2));", finished],
    ["noGrad(function* () {});", finished],
    ["noGrad(() => Promise.resolve(1));", finished],
    [
      "await fit(model, { data: () => [{ x: t, labels: [0, 1] }], optimizer, steps: 1, loss: mseLoss });",
      "Type 'number[]' is missing the following properties from type 'Tensor",
    ],
    [
      "await fit(model, { data: () => [{ x: t, labels: [0, 1] }], optimizer, steps: 1, metrics: { m: async () => 1 } });",
      "Type 'Promise<number>' is not assignable to type 'number | Measured'",
    ],
    ["new SGD(model.parameters(), { learningRate: 1 });", "'learningRate' does not exist in type 'SgdOptions'"],
  ])("%s", { timeout: 60_000 }, (code, message) => {
    expect(messages(START + code)).toContain(message);
  });
});
