/** Random convolution geometries for fast-check: every option, sizes that do not divide, filters larger than the image. */
import fc from "fast-check";
import { type ConvGeometry, convGeometry } from "../../src/tensor/geometry/conv.ts";

const upTo = (max: number, min = 1): fc.Arbitrary<number> => fc.integer({ min, max });
const pair = (max: number, min = 1): fc.Arbitrary<[number, number]> => fc.tuple(upTo(max, min), upTo(max, min));

export const convolutions: fc.Arbitrary<ConvGeometry> = fc
  .record({
    N: upTo(3),
    groups: upTo(3),
    Cg: upTo(6),
    Og: upTo(6),
    image: pair(9),
    kernel: pair(4),
    stride: pair(3),
    padding: pair(4, 0),
    dilation: pair(3),
  })
  .filter(({ image, kernel, padding, dilation }) =>
    // The filter fits into the padded image, in both directions.
    [0, 1].every((axis) => image[axis] + 2 * padding[axis] > dilation[axis] * (kernel[axis] - 1)),
  )
  .map(({ N, groups, Cg, Og, image, kernel, stride, padding, dilation }) =>
    convGeometry([N, groups * Cg, ...image], [groups * Og, Cg, ...kernel], null, { stride, padding, dilation, groups }),
  );

/** Geometries that have caught others out, by what is special about them. */
export const named: readonly (readonly [string, ConvGeometry])[] = [
  ["x=[2,3,7,5] w=[4,3,3,3] s=2 p=1", convGeometry([2, 3, 7, 5], [4, 3, 3, 3], null, { stride: 2, padding: 1 })],
  [
    "(H + 2p − K) not divisible: x=[1,2,8,6] w=[3,2,3,3] s=2",
    convGeometry([1, 2, 8, 6], [3, 2, 3, 3], null, { stride: 2 }),
  ],
  [
    "stride beyond the filter: x=[1,2,9,9] w=[2,2,2,2] s=4",
    convGeometry([1, 2, 9, 9], [2, 2, 2, 2], null, { stride: 4 }),
  ],
  ["1×1, stride 2: x=[2,5,7,7] w=[3,5,1,1] s=2", convGeometry([2, 5, 7, 7], [3, 5, 1, 1], null, { stride: 2 })],
  ["1×1 with padding: x=[1,2,3,3] w=[2,2,1,1] p=2", convGeometry([1, 2, 3, 3], [2, 2, 1, 1], null, { padding: 2 })],
  [
    "an image smaller than the filter: x=[1,2,2,3] w=[3,2,5,5] p=2",
    convGeometry([1, 2, 2, 3], [3, 2, 5, 5], null, { padding: 2 }),
  ],
  [
    "depthwise: x=[2,6,5,5] w=[6,1,3,3] p=1 groups=6",
    convGeometry([2, 6, 5, 5], [6, 1, 3, 3], null, { padding: 1, groups: 6 }),
  ],
  [
    "dilation shares a factor with the stride: x=[1,2,11,11] w=[2,2,3,3] s=2 d=2",
    convGeometry([1, 2, 11, 11], [2, 2, 3, 3], null, { stride: 2, dilation: 2, padding: 1 }),
  ],
  ["many terms: x=[1,40,9,9] w=[5,40,3,3] p=1", convGeometry([1, 40, 9, 9], [5, 40, 3, 3], null, { padding: 1 })],
  ["many positions: x=[2,2,37,31] w=[3,2,3,3] p=1", convGeometry([2, 2, 37, 31], [3, 2, 3, 3], null, { padding: 1 })],
];

/** One line that names a geometry. */
export function describeGeometry(g: ConvGeometry): string {
  return `x=[${[g.N, g.C, g.H, g.W]}] w=[${[g.O, g.Cg, g.kh, g.kw]}] s=${g.sh},${g.sw} p=${g.ph},${g.pw} d=${g.dh},${g.dw} groups=${g.groups}`;
}
