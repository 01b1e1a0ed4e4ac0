// One training on every core. The same steps as on one thread, to the bit: threads share the work of each operation, and every sum
// is still added up by one of them in the same order.
import * as S from "../../src/index.ts"; // In your project: from "skipstone".

const rng = new S.Rng(0);
const x = S.randn([32, 3, 32, 32], rng);
const labels = Int32Array.from({ length: 32 }, (_, i) => i % 10);

async function train() {
  const model = S.cifarResNet(8, { rng: new S.Rng(1) });
  const optimizer = new S.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const { epochs } = await S.fit(model, { data: () => [{ x, labels }], optimizer, epochs: 20 });
  return { seconds: epochs.at(-1)?.seconds ?? 0, weights: JSON.stringify(model.stateDict()) };
}

const { threads, why } = await S.useThreads(); // All cores; useThreads(4): four.
if (why !== null) console.log(`fewer threads than cores: ${why}`);
const many = await train();
await S.useThreads(1); // Gives the threads back.
const one = await train();
const used = threads === 1 ? "one thread" : `${threads} threads`;
console.log(`20 steps: ${many.seconds.toFixed(1)} s on ${used}, ${one.seconds.toFixed(1)} s on one`);
console.log(`all weights the same to the bit: ${many.weights === one.weights}`);
