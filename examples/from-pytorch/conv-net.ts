import { Conv2d, flatten, Linear, MaxPool2d, Module, Rng, randn, relu, type Tensor } from "../../src/index.ts";

const rng = new Rng(1);

class Net extends Module {
  conv1 = new Conv2d(1, 8, 3, { padding: 1, rng });
  conv2 = new Conv2d(8, 16, 3, { padding: 1, rng });
  pool = new MaxPool2d(2);
  fc = new Linear(16 * 7 * 7, 10, { rng });

  forward(x: Tensor): Tensor {
    x = this.pool.forward(relu(this.conv1.forward(x)));
    x = this.pool.forward(relu(this.conv2.forward(x)));
    return this.fc.forward(flatten(x, 1));
  }
}

const model = new Net();
console.log(model.forward(randn([5, 1, 28, 28], rng)).shape); // [5, 10]
console.log(model.parameterCount()); // 9098
