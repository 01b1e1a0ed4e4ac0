// A U-Net (Ronneberger et al. 2015) names every pixel: here a disc, a square, or nothing, in noise. On the way down it sees more and
// more at once, and less and less where; on the way up, each level joins (concat) what the same level saw on the way down.
import * as sk from "../../src/index.ts";

const rng = new sk.Rng(0);

/** Noisy images of 16×16 pixels, and the class of each pixel: in the disc 1, in the square 2, elsewhere 0. */
function scenes(count: number) {
  const labels = Array.from({ length: count }, () => {
    const [u, v, s, t] = [rng.uniform(3, 6), rng.uniform(3, 12), rng.uniform(10, 13), rng.uniform(3, 12)];
    const isSquare = (x: number, y: number) => Math.max(Math.abs(x - s), Math.abs(y - t)) < 3;
    const classOf = (x: number, y: number) => (Math.hypot(x - u, y - v) < 3 ? 1 : isSquare(x, y) ? 2 : 0);
    return Array.from({ length: 256 }, (_, i) => classOf(i % 16, i >> 4));
  }).flat();
  const pixels = labels.map((label) => rng.normal() + 2 * Math.sign(label));
  return { x: sk.tensor(pixels, [count, 1, 16, 16]), labels };
}

const conv = (from: number, to: number) =>
  new sk.Sequential(new sk.Conv2d(from, to, 3, { padding: 1, rng }), new sk.BatchNorm2d(to), new sk.ReLU());
class UNet extends sk.Module {
  down = [conv(1, 8), conv(8, 16), conv(16, 32)];
  up = [32, 16].map((from) => new sk.ConvTranspose2d(from, from / 2, 2, { stride: 2, rng }));
  join = [conv(32, 16), new sk.Sequential(conv(16, 8), new sk.Conv2d(8, 3, 1, { rng }))];
  forward(x: sk.Tensor): sk.Tensor {
    const fine = this.down[0].forward(x);
    const middle = this.down[1].forward(sk.maxPool2d(fine, { kernelSize: 2 }));
    const coarse = this.down[2].forward(sk.maxPool2d(middle, { kernelSize: 2 }));
    const higher = this.join[0].forward(sk.concat([this.up[0].forward(coarse), middle], 1));
    return this.join[1].forward(sk.concat([this.up[1].forward(higher), fine], 1));
  }
}

const model = new UNet();
await sk.fit(model, { data: () => [scenes(16)], optimizer: new sk.Adam(model.parameters(), { lr: 0.01 }), steps: 150 });
const { x, labels } = scenes(100);
const said = sk.argmax(await sk.predict(model, [{ x }]), 1).data;
const count = (test: (is: number, says: number) => boolean) => labels.filter((is, i) => test(is, said[i])).length;
const iou = [1, 2].map((n) => count((a, b) => a === n && b === n) / count((a, b) => a === n || b === n));
console.log(`intersection over union, of 100 unseen images: disc ${iou[0].toFixed(3)}, square ${iou[1].toFixed(3)}`);
