/** Derivative cases of the shaping operations, all linear. Odd sizes, lengths of 0 and 1, elements left out and repeated. */
import {
  concat,
  expand,
  flatten,
  gather,
  indexSelect,
  pad,
  permute,
  reshape,
  slice,
  squeeze,
  stack,
  transpose,
  unsqueeze,
} from "../../../src/autograd/shape.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import type { OpCase } from "./types.ts";

const linear = (op: string, name: string, inputs: readonly Shape[], call: (...x: Tensor[]) => Tensor): OpCase => ({
  op,
  name,
  inputs,
  call,
  linearIn: inputs.map((_, i) => i),
});

export const cases: readonly OpCase[] = [
  linear("transpose", "x=[3,5] 0,1", [[3, 5]], (x) => transpose(x, 0, 1)),
  linear("transpose", "x=[2,3,4] 0,-1", [[2, 3, 4]], (x) => transpose(x, 0, -1)),
  linear("transpose", "x=[2,3] an axis with itself", [[2, 3]], (x) => transpose(x, 1, 1)),
  linear("permute", "x=[2,3,4,5] to NHWC", [[2, 3, 4, 5]], (x) => permute(x, [0, 2, 3, 1])),
  linear("permute", "x=[3,1,2] axes 2,0,1", [[3, 1, 2]], (x) => permute(x, [2, 0, 1])),
  linear("permute", "x=[]", [[]], (x) => permute(x, [])),
  linear("reshape", "x=[2,6] to [3,-1]", [[2, 6]], (x) => reshape(x, [3, -1])),
  linear("reshape", "x=[1,1] to []", [[1, 1]], (x) => reshape(x, [])),
  linear("flatten", "x=[2,3,4]", [[2, 3, 4]], (x) => flatten(x)),
  linear("flatten", "x=[2,3,4,5] 1,-2", [[2, 3, 4, 5]], (x) => flatten(x, 1, -2)),
  linear("squeeze", "x=[1,3,1]", [[1, 3, 1]], (x) => squeeze(x)),
  linear("squeeze", "x=[2,1,3] axis=1", [[2, 1, 3]], (x) => squeeze(x, 1)),
  linear("unsqueeze", "x=[2,3] axis=1", [[2, 3]], (x) => unsqueeze(x, 1)),
  linear("unsqueeze", "x=[] axis=-1", [[]], (x) => unsqueeze(x, -1)),
  linear("slice", "x=[5,7] 1:4, ::3", [[5, 7]], (x) =>
    slice(x, [
      [1, 4],
      [null, null, 3],
    ]),
  ),
  linear("slice", "x=[2,3,7,7] every second pixel", [[2, 3, 7, 7]], (x) =>
    slice(x, [null, null, [null, null, 2], [null, null, 2]]),
  ),
  linear("slice", "x=[5] all of it", [[5]], (x) => slice(x, [])),
  linear("slice", "x=[5] nothing of it", [[5]], (x) => slice(x, [[3, 3]])),
  linear(
    "concat",
    "a=[2,3] b=[4,3]",
    [
      [2, 3],
      [4, 3],
    ],
    (a, b) => concat([a, b]),
  ),
  linear(
    "concat",
    "a=[2,1,3] b=[2,0,3] c=[2,4,3] axis=-2",
    [
      [2, 1, 3],
      [2, 0, 3],
      [2, 4, 3],
    ],
    (...t) => concat(t, -2),
  ),
  linear("concat", "x with itself", [[2, 3]], (x) => concat([x, x], 1)),
  linear(
    "stack",
    "a=[2,3] b=[2,3]",
    [
      [2, 3],
      [2, 3],
    ],
    (...t) => stack(t),
  ),
  linear(
    "stack",
    "three of [2,3] axis=-1",
    [
      [2, 3],
      [2, 3],
      [2, 3],
    ],
    (...t) => stack(t, -1),
  ),
  linear("stack", "two scalars", [[], []], (...t) => stack(t)),
  linear("pad", "x=[2,3] by 1,2 and 0,3", [[2, 3]], (x) =>
    pad(x, [
      [1, 2],
      [0, 3],
    ]),
  ),
  linear("pad", "x=[2,3,2,2] channels by 2,3 with value 7", [[2, 3, 2, 2]], (x) =>
    pad(
      x,
      [
        [0, 0],
        [2, 3],
        [0, 0],
        [0, 0],
      ],
      7,
    ),
  ),
  linear("pad", "x=[5,6] cropped by 1,2 and 0,3", [[5, 6]], (x) =>
    pad(x, [
      [-1, -2],
      [0, -3],
    ]),
  ),
  linear("pad", "x=[2,3,5,4] moved by one pixel, and channels added", [[2, 3, 5, 4]], (x) =>
    pad(
      x,
      [
        [0, 0],
        [1, 0],
        [-1, 1],
        [1, -1],
      ],
      -2,
    ),
  ),
  linear("pad", "x=[3] all cut off, and others added", [[3]], (x) => pad(x, [[-3, 2]], 0.5)),
  linear("pad", "x=[] by nothing", [[]], (x) => pad(x, [])),
  linear("indexSelect", "x=[3,4] axis=0 index 2,0,2,1", [[3, 4]], (x) => indexSelect(x, 0, [2, 0, 2, 1])),
  linear("indexSelect", "x=[2,3,4] axis=1 index 1", [[2, 3, 4]], (x) => indexSelect(x, 1, [1])),
  linear("indexSelect", "x=[2,3] axis=-1, none", [[2, 3]], (x) => indexSelect(x, -1, [])),
  linear("gather", "x=[3,5] axis=1 index=[3,2]", [[3, 5]], (x) =>
    gather(x, 1, { data: [0, 4, 2, 2, 1, 0], shape: [3, 2] }),
  ),
  linear("gather", "x=[3,5] axis=0 index=[4,2]", [[3, 5]], (x) =>
    gather(x, 0, { data: [0, 1, 2, 2, 1, 0, 0, 0], shape: [4, 2] }),
  ),
  linear("gather", "x=[2,2,2] axis=-1 index=[1,2,3]", [[2, 2, 2]], (x) =>
    gather(x, -1, { data: [0, 1, 1, 0, 0, 1], shape: [1, 2, 3] }),
  ),
  linear("expand", "x=[3,1] to [4,3,5]", [[3, 1]], (x) => expand(x, [4, 3, 5])),
  linear("expand", "x=[2,3] to [2,-1]", [[2, 3]], (x) => expand(x, [2, -1])),
  linear("expand", "x=[] to [2,2]", [[]], (x) => expand(x, [2, 2])),
];
