import { add, BatchNorm2d, Conv2d, Module, Rng, randn, relu, type Tensor } from "../../src/index.ts";

const rng = new Rng(1);

class Block extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;

  constructor(channels: number) {
    super();
    this.conv1 = new Conv2d(channels, channels, 3, { padding: 1, bias: false, rng });
    this.bn1 = new BatchNorm2d(channels);
    this.conv2 = new Conv2d(channels, channels, 3, { padding: 1, bias: false, rng });
    this.bn2 = new BatchNorm2d(channels);
  }

  forward(x: Tensor): Tensor {
    const first = relu(this.bn1.forward(this.conv1.forward(x)));
    const branch = this.bn2.forward(this.conv2.forward(first));
    return relu(add(x, branch));
  }
}

const block = new Block(16);
console.log(block.forward(randn([2, 16, 8, 8], rng)).shape); // [2, 16, 8, 8]
console.log(block.parameterCount()); // 4672
