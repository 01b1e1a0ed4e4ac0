/** The worker of loader.test.ts: its name says what it serves, and whether it needs time before it begins to. */
import { serveBatches, tensor } from "../../src/index.ts";
import { augmented } from "./loader-training.ts";

declare const self: { readonly name: string };

const sources: Readonly<Record<string, Parameters<typeof serveBatches>[0]>> = {
  pictures: ({ rng }) => augmented(rng),
  *forms() {
    yield { x: tensor([1, 2]), labels: [Uint8Array.of(3, 4), { of: new Int32Array(new ArrayBuffer(8), 4, 1) }] };
    yield { x: tensor([5]) };
  },
  *fails() {
    yield { x: tensor([1]) };
    throw new RangeError("picture 7 is not a picture");
  },
  *endless() {
    for (let i = 0; ; i++) yield { x: tensor([i]) };
  },
  *none() {},
};

const [kind, when] = self.name.split(" ");
// As a worker that loads its pictures first: what the page asks meanwhile must not be lost.
if (when === "later") await new Promise((resolve) => setTimeout(resolve, 300));
serveBatches(sources[kind]);
