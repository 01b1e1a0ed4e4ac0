/** Element-wise operations in ONNX, which broadcasts like NumPy and Skipstone. */
import type { BinaryOp, Comparison, UnaryOp } from "../../../tensor/kernels.ts";
import type { Exporter, Exporters, Writer } from "../writer.ts";

const same =
  (operator: string): Exporter<string> =>
  (writer, { inputs }) =>
    writer.node(operator, writer.values(inputs));

/** From here on ln(1 + eᵗ) is t in float32: the omitted e⁻ᵗ is below half a unit in the last place of t. */
const SOFTPLUS_IS_LINEAR = 15;

/** Every public operation of one or two numbers but comparisons; and `tap`. */
type Elementwise = Exclude<UnaryOp, "geluTanh" | "rsqrt"> | Exclude<BinaryOp, Comparison | "keep" | "drop"> | "tap";

export const elementwise: Exporters<Elementwise> = {
  add: /* @__PURE__ */ same("Add"),
  sub: /* @__PURE__ */ same("Sub"),
  mul: /* @__PURE__ */ same("Mul"),
  div: /* @__PURE__ */ same("Div"),
  pow: /* @__PURE__ */ same("Pow"),
  maximum: /* @__PURE__ */ same("Max"),
  minimum: /* @__PURE__ */ same("Min"),
  neg: /* @__PURE__ */ same("Neg"),
  exp: /* @__PURE__ */ same("Exp"),
  log: /* @__PURE__ */ same("Log"),
  sqrt: /* @__PURE__ */ same("Sqrt"),
  abs: /* @__PURE__ */ same("Abs"),
  sign: /* @__PURE__ */ same("Sign"),
  round: /* @__PURE__ */ same("Round"),
  floor: /* @__PURE__ */ same("Floor"),
  ceil: /* @__PURE__ */ same("Ceil"),
  hardswish: /* @__PURE__ */ same("HardSwish"),
  selu: /* @__PURE__ */ same("Selu"),
  relu: /* @__PURE__ */ same("Relu"),
  sigmoid: /* @__PURE__ */ same("Sigmoid"),
  tanh: /* @__PURE__ */ same("Tanh"),

  silu: (writer, { inputs: [x] }) => {
    const value = writer.value(x);
    return writer.node("Mul", [value, writer.node("Sigmoid", [value])]);
  },

  leakyRelu: (writer, { inputs: [x], attributes: { slope } }) =>
    writer.node("LeakyRelu", [writer.value(x)], { alpha: { float: slope } }),

  elu: (writer, { inputs: [x], attributes: { alpha } }) =>
    writer.node("Elu", [writer.value(x)], { alpha: { float: alpha } }),

  gelu: (writer, { inputs: [x], attributes: { approximate } }) => {
    const value = writer.value(x);
    if (writer.opset >= 20) return writer.node("Gelu", [value], { approximate });
    // x·Φ(x) = ½x·(1 + erf(x/√2)), or with the approximation ½x·(1 + tanh(√(2/π)·(x + 0.044715x³))).
    const argument =
      approximate === "none"
        ? times(writer, value, Math.SQRT1_2)
        : times(
            writer,
            writer.node("Add", [value, times(writer, cube(writer, value), 0.044715)]),
            Math.sqrt(2 / Math.PI),
          );
    const curve = writer.node(approximate === "none" ? "Erf" : "Tanh", [argument]);
    const open = writer.node("Add", [curve, writer.scalar(1)]);
    return times(writer, writer.node("Mul", [value, open]), 0.5);
  },

  softplus: (writer, { inputs: [x], attributes: { beta, threshold } }) => {
    const value = writer.value(x);
    const t = beta === 1 ? value : times(writer, value, beta);
    const curve = writer.node("Softplus", [t]);
    const y = beta === 1 ? curve : writer.node("Div", [curve, writer.scalar(beta)]);
    if (threshold >= SOFTPLUS_IS_LINEAR) return y;
    return writer.node("Where", [writer.node("Greater", [t, writer.scalar(threshold)]), value, y]);
  },

  clamp: (writer, { inputs: [x], attributes: { low, high } }) =>
    // Without a bound ONNX Runtime holds ±∞ to the largest finite number.
    writer.node("Clip", [writer.value(x), writer.scalar(low), writer.scalar(high)]),

  tap: (writer, { inputs: [x] }) => writer.value(x),
};

function times(writer: Writer, value: string, factor: number): string {
  return writer.node("Mul", [value, writer.scalar(factor)]);
}

function cube(writer: Writer, value: string): string {
  return writer.node("Mul", [writer.node("Mul", [value, value]), value]);
}
