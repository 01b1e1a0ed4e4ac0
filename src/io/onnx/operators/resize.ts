/** Operations that enlarge images in ONNX. */
import type { InterpolateGeometry, Taps } from "../../../tensor/geometry/interpolate.ts";
import type { Exporters } from "../writer.ts";

export const resizing: Exporters<"convTranspose2d" | "interpolate"> = {
  convTranspose2d: (writer, { inputs, attributes }) => {
    const { kh, kw, sh, sw, ph, pw, dh, dw, groups, H, W, Ho, Wo } = attributes;
    const [x, ...weights] = writer.values(inputs);
    const more = [H - ((Ho - 1) * sh - 2 * ph + dh * (kh - 1) + 1), W - ((Wo - 1) * sw - 2 * pw + dw * (kw - 1) + 1)];
    // Engines take less output padding than the stride: the rest is as many zeros behind the image.
    const zeros = [Math.floor(more[0] / sh), Math.floor(more[1] / sw)];
    const enlarged = zeros.some((n) => n > 0)
      ? writer.node("Pad", [x, writer.ints([0, 0, 0, 0, 0, 0, ...zeros]), writer.scalar(0)])
      : x;
    return writer.node("ConvTranspose", [enlarged, ...weights], {
      kernel_shape: [kh, kw],
      strides: [sh, sw],
      pads: [ph, pw, ph, pw],
      dilations: [dh, dw],
      group: groups,
      output_padding: [more[0] % sh, more[1] % sw],
    });
  },

  interpolate: (writer, { inputs, output, attributes: g }) => {
    const x = writer.value(inputs[0]);
    if (isResize(g)) {
      const { mode, alignCorners, scaleFactor } = g;
      const to = scaleFactor
        ? ["", writer.floats(Float32Array.of(1, 1, ...scaleFactor), [4])]
        : ["", "", writer.lengths(output.shape)];
      const how =
        mode === "nearest"
          ? { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }
          : { coordinate_transformation_mode: alignCorners ? "align_corners" : "half_pixel" };
      return writer.node("Resize", [x, ...to], { mode: mode === "nearest" ? mode : "linear", ...how });
    }
    if (g.mode === "nearest") {
      const picked = writer.node("Gather", [x, writer.ints([...g.rows.starts])], { axis: 2 });
      return writer.node("Gather", [picked, writer.ints([...g.columns.starts])], { axis: 3 });
    }
    // y = R·x·Cᵀ in each plane.
    const left = writer.floats(
      matrix(g.rows, g.H, (pixel, i) => i * g.H + pixel),
      [g.Ho, g.H],
    );
    const right = writer.floats(
      matrix(g.columns, g.W, (pixel, i) => pixel * g.Wo + i),
      [g.W, g.Wo],
    );
    return writer.node("MatMul", [left, writer.node("MatMul", [x, right])]);
  },
};

/**
 * Whether the operator Resize makes the same of it. Engines divide by the scale in float32, where PyTorch multiplies by its
 * inverse: a nearest pixel can be another one, and a length ⌊H·s⌋ one less.
 */
function isResize({ mode, scaleFactor, H, W, Ho, Wo, rows, columns }: InterpolateGeometry): boolean {
  return [
    { length: H, results: Ho, taps: rows, factor: scaleFactor?.[0] },
    { length: W, results: Wo, taps: columns, factor: scaleFactor?.[1] },
  ].every(({ length, results, taps, factor }) => {
    const scale = Math.fround(factor ?? results / length);
    if (mode === "linear") return false;
    // Of the product, or of its float32: engines do the one, their checks of shapes the other.
    const lengths = factor === undefined ? [] : [Math.floor(length * scale), Math.floor(Math.fround(length * scale))];
    if (lengths.some((n) => n !== results)) return false;
    return (
      mode === "bilinear" || taps.starts.every((p, i) => p === Math.min(Math.floor(Math.fround(i / scale)), length - 1))
    );
  });
}

/** The weights of each (pixel, result) at its place in a matrix. */
function matrix(
  { starts, offsets, weights }: Taps,
  length: number,
  at: (pixel: number, result: number) => number,
): Float32Array {
  const numbers = new Float32Array(length * starts.length);
  starts.forEach((start, i) => {
    for (let k = offsets[i]; k < offsets[i + 1]; k++) numbers[at(start + k - offsets[i], i)] = weights[k];
  });
  return numbers;
}
