import {
  Conv2d,
  exportOnnx,
  GlobalAvgPool2d,
  Linear,
  loadWeights,
  ReLU,
  Rng,
  randn,
  Sequential,
  writeSafetensors,
} from "../../src/index.ts";

const rng = new Rng(1);
const make = () =>
  new Sequential(new Conv2d(3, 4, 3, { rng }), new ReLU(), new GlobalAvgPool2d(), new Linear(4, 2, { rng }));

const model = make();
const weights = writeSafetensors(model.stateDict()); // bytes; writePth for torch.load
const again = make();
again.loadStateDict(await loadWeights(weights));
const x = randn([1, 3, 8, 8], rng);
console.log(again.forward(x).toString() === model.forward(x).toString()); // true

const onnx = exportOnnx(model, { inputShape: [3, 8, 8] }); // bytes
console.log(onnx.length > 0); // true
