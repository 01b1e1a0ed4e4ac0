import { it } from "vitest";
import { cifarResNet } from "/work/main/src/resnet/index.ts";
import { SGD, fit, schedules } from "/work/main/src/nn/index.ts";
import { Rng } from "/work/main/src/tensor/index.ts";
import { randn } from "/work/main/src/tensor/index.ts";
it("smoke", async () => {
  const rng = new Rng(1);
  const model = cifarResNet(20, { rng, inChannels: 1 });
  console.log(model.toString().slice(0, 1500));
  const x = randn([32, 1, 28, 28], rng);
  const labels = Int32Array.from({ length: 32 }, (_, i) => i % 10);
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 1e-4 });
  const h = await fit(model, { data: () => [{ x, labels }], optimizer, schedule: schedules.cosine(0.1, { steps: 12 }), steps: 12 });
  console.log(h.steps.map((s) => [s.loss.toFixed(4), s.accuracy, s.gradNorm.toFixed(3), s.seconds].join(" ")).join("\n"));
});
