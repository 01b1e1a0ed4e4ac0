// Stop and go on: a training that saves a checkpoint every 25 steps is stopped half way, by a power cut say, and goes on from
// the last file. It ends with the weights, to the bit, of one that never stopped.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Adam, batches, type Checkpoint, cifarResNet, type Dataset, fit, Rng, randn } from "../../src/index.ts";
import { CheckpointFolder } from "../../src/node/index.ts";

const images = Float32Array.from(randn([40, 3, 8, 8], new Rng(1)).data);
const labels = Uint8Array.from({ length: 40 }, (_, i) => i % 4);
const pictures: Dataset = { name: "noise", images, labels, shape: [40, 3, 8, 8], classes: ["a", "b", "c", "d"] };

/** The whole program: it is started twice. */
async function train(steps: number, resume: Checkpoint | null, save: (checkpoint: Checkpoint) => Promise<string>) {
  const rng = new Rng(0);
  const model = cifarResNet(8, { width: 4, classes: 4, rng });
  const history = await fit(model, {
    data: () => batches(pictures, { batchSize: 8, rng }),
    optimizer: new Adam(model.parameters(), { lr: 0.01 }),
    steps,
    resume,
    onStep: async ({ step, checkpoint }) => {
      if (step % 25 === 24) await save(checkpoint());
    },
  });
  return { steps: history.steps.length, weights: model.parameters().map(String).join() };
}

const path = mkdtempSync(join(tmpdir(), "skipstone-resume-"));
const folder = new CheckpointFolder(path);
const whole = await train(100, null, async () => "");
const first = await train(60, null, (checkpoint) => folder.save(checkpoint));
const rest = await train(100, await folder.latest(), (checkpoint) => folder.save(checkpoint));
rmSync(path, { recursive: true });
console.log(`${first.steps} steps, stopped; ${rest.steps} more from step 50 on`);
console.log(`the weights of ${whole.steps} steps in one go: ${rest.weights === whole.weights}`);
