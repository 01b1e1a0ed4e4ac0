/** The worker's side of values.test.ts, with a copy of the library of its own: what arrives goes into a network, and what comes out, back. */
import { cifarResNet, noGrad, Rng, randn, softmax, type Tensor, tensor } from "../../src/index.ts";

interface Message {
  readonly picture: Tensor;
  readonly state: Record<string, Tensor>;
}
declare function postMessage(value: unknown): void;
declare function addEventListener(type: "message", listen: (event: { readonly data: Message }) => void): void;

addEventListener("message", ({ data: { picture, state } }) => {
  const model = cifarResNet(8, { width: 2, rng: new Rng(9) }).eval();
  model.loadStateDict(state);
  const probabilities = noGrad(() => softmax(model.forward(tensor(picture))));
  // Whether a message can have an ended step's tensor in it: it cannot, and says so here, where it is sent.
  const kept: Tensor[] = [];
  noGrad(() => kept.push(softmax(randn([2, 2], new Rng(1)))));
  let refusal = "";
  try {
    postMessage(kept[0]);
  } catch (error) {
    refusal = (error as Error).message;
  }
  postMessage({ probabilities, state: model.stateDict(), refusal });
});
