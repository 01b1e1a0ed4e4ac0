import { loadWeights, Rng, randn, resnet18, writePth } from "../../src/index.ts";

const rng = new Rng(1);
const trained = resnet18({ classes: 10, rng });
const file = writePth(trained.stateDict()); // or the bytes of a file that torch.save wrote

const model = resnet18({ classes: 10, rng });
model.loadStateDict(await loadWeights(file));
const x = randn([1, 3, 32, 32], rng);
console.log(model.eval().forward(x).toString() === trained.eval().forward(x).toString()); // true
