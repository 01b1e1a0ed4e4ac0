import { backward, crossEntropy, freeze, Rng, randn, replaceHead, resnet18, SGD } from "../../src/index.ts";

const rng = new Rng(1);
const model = freeze(resnet18({ classes: 10, rng })); // the running statistics stay too
const head = replaceHead(model, 2, { rng });

const optimizer = new SGD(head.parameters(), { lr: 0.05 });
const [x, labels] = [randn([4, 3, 32, 32], rng), [0, 1, 0, 1]];
const before = model.conv1.weight.toString();
optimizer.step(backward(crossEntropy(model.forward(x), labels)));
const trained = model.namedParameters().filter(([, p]) => p.requiresGrad);
console.log(trained.map(([name]) => name)); // ["fc.weight", "fc.bias"]
console.log(model.conv1.weight.toString() === before); // true
