/** The page's program of values.test.ts: a picture and a network's state to a worker and back. */
import { cifarResNet, mul, noGrad, Rng, randn, softmax, type Tensor, tensor } from "../../src/index.ts";

interface Answer {
  readonly probabilities: Tensor;
  readonly state: Record<string, Tensor>;
  readonly refusal: string;
}
declare const document: { body: { dataset: Record<string, string> } };
declare const Worker: new (
  path: string,
  options: object,
) => { postMessage(value: unknown): void; onmessage: (event: { readonly data: Answer }) => void };
declare function structuredClone<T>(value: T): T;

const model = cifarResNet(8, { width: 2, rng: new Rng(3) }).eval();
const picture = mul(randn([1, 3, 8, 8], new Rng(4)), 2);
const own = noGrad(() => softmax(model.forward(picture)));
const worker = new Worker("/worker.js", { type: "module" });
const answer = await new Promise<Answer>((resolve) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.postMessage({ picture, state: model.stateDict() });
});
const other = cifarResNet(8, { width: 2, rng: new Rng(5) }).eval();
other.loadStateDict(answer.state);
document.body.dataset["results"] = JSON.stringify({
  clone: tensor(structuredClone(picture)),
  picture,
  own,
  fromWorker: tensor(answer.probabilities),
  withStateFromWorker: noGrad(() => softmax(other.forward(picture))),
  refusal: answer.refusal,
});
document.body.dataset["state"] = "done";
