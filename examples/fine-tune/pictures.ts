/** Pictures for those who have none at hand: 200 drawings of four shapes, in colours and places of their own. Also: what the network sees. */
import { imageToTensor, type Pixels, Rng, type Tensor } from "../../src/index.ts"; // In your project: from "skipstone".

const WIDTH = 96;
const HEIGHT = 72;

/** Whether a shape covers the point `(x, y)`; its middle is (0, 0), and it reaches to about 1. */
const SHAPES: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  cross: (x, y) => Math.min(Math.abs(x), Math.abs(y)) < 0.25 && Math.max(Math.abs(x), Math.abs(y)) < 1,
  disc: (x, y) => Math.hypot(x, y) < 0.8,
  ring: (x, y) => Math.abs(Math.hypot(x, y) - 0.75) < 0.2,
  stripes: (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 0.9 && Math.abs(y * 2) % 1 < 0.5,
};

/** 50 pictures of each shape, by the names that their files would have: `cross/1000.png` … */
export function drawPictures(): Map<string, Pixels> {
  const rng = new Rng(5);
  const shapes = Object.keys(SHAPES).flatMap((shape) => new Array<string>(50).fill(shape));
  return new Map(shapes.map((shape, i) => [`${shape}/${i + 1000}.png`, draw(shape, rng)]));
}

function draw(name: string, rng: Rng): Pixels {
  const [ink, paper] = [20, 170].map((least) => Array.from({ length: 3 }, () => least + rng.integer(70)));
  const size = rng.uniform(22, 30);
  const [left, top] = [rng.uniform(40, 56), rng.uniform(32, 40)];
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 3);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3);
    const covered = SHAPES[name](((pixel % WIDTH) - left) / size, (Math.floor(pixel / WIDTH) - top) / size);
    data[i] = (covered ? ink : paper)[i % 3] + rng.integer(16);
  }
  return { width: WIDTH, height: HEIGHT, data };
}

/** The side of what the network sees. */
export const SIDE = 48;

/** A picture of any size as a square: resized, and the middle cut out. */
export function square(pixels: Pixels): Tensor {
  return imageToTensor(pixels, { resize: SIDE, crop: SIDE, mean: [0, 0, 0], std: [1, 1, 1] });
}
