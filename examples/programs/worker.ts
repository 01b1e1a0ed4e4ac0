// Weights to a worker and back: the worker trains on its own thread, and the model that gets its weights has the same
// bits as if it had been trained here.
import { once } from "node:events";
import { parentPort, Worker } from "node:worker_threads";
import { fit, Linear, ReLU, Rng, randn, Sequential, SGD, tensor } from "../../src/index.ts";

function makeModel() {
  const rng = new Rng(0);
  return new Sequential(new Linear(4, 16, { rng }), new ReLU(), new Linear(16, 3, { rng }));
}

async function train(model: Sequential) {
  const rng = new Rng(1);
  const data = () => [{ x: randn([32, 4], rng), labels: Array.from({ length: 32 }, () => rng.integer(3)) }];
  await fit(model, { data, optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }), steps: 20 });
}

if (parentPort) {
  const [state] = await once(parentPort, "message");
  const model = makeModel();
  model.loadStateDict(state);
  await train(model);
  parentPort.postMessage(model.stateDict());
} else {
  const [there, here] = [makeModel(), makeModel()];
  const worker = new Worker(new URL(import.meta.url));
  worker.postMessage(there.stateDict());
  const [state] = await once(worker, "message");
  there.loadStateDict(state);
  await train(here);

  const x = tensor([[1, -1, 0, 2]]);
  console.log(`trained there: ${there.forward(x)}`);
  console.log(`trained here:  ${here.forward(x)}`);
  const same = JSON.stringify(there.stateDict()) === JSON.stringify(here.stateDict());
  console.log(`all weights the same to the bit: ${same}`);
}
