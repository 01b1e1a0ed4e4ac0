/** A run of the page without the page. */
import { datasetOf, makeBatches, makeModel, makeOptimizer, normalizationOf } from "../../site/lab/network.ts";
import type { Name, Run } from "../../site/lab/state.ts";
import { fingerprint, fit } from "../../src/index.ts";
import { digits } from "./digits.ts";

/** The same run by `fit` alone, with the changes made between its steps. */
export async function byFit(run: Run, side: Name, steps: number): Promise<string> {
  const data = datasetOf((await digits()).train, "digits");
  const model = makeModel(run, run[side]);
  const optimizer = makeOptimizer(model, run, run[side]);
  await fit(model, {
    data: () => makeBatches(data, normalizationOf(data), run),
    optimizer,
    steps,
    onStep: ({ step }) => {
      for (const event of run.events) {
        if (event.step !== step + 1 || (event.side !== "both" && event.side !== side)) continue;
        if (event.change.kind === "rate") optimizer.lr = event.change.value;
        else
          for (const [, block] of model.blocks().slice(event.blocks![0], event.blocks![1] + 1))
            block.cut = event.change.part;
      }
    },
  });
  return fingerprint(model);
}
