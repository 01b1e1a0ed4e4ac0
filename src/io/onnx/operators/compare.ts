/** Comparisons in ONNX, where they give truth values: numbers here are 0 and 1. */
import type { Exporter, Exporters, Writer } from "../writer.ts";

/** TensorProto.DataType. */
const FLOAT = 1;
const BOOL = 9;

const compared =
  (operator: string, negated = false): Exporter<string> =>
  (writer, { inputs }) => {
    const truth = writer.node(operator, writer.values(inputs));
    return cast(writer, negated ? writer.node("Not", [truth]) : truth, FLOAT);
  };

export const comparisons: Exporters<"eq" | "ne" | "lt" | "le" | "gt" | "ge" | "where"> = {
  eq: /* @__PURE__ */ compared("Equal"),
  ne: /* @__PURE__ */ compared("Equal", true),
  lt: /* @__PURE__ */ compared("Less"),
  le: /* @__PURE__ */ compared("LessOrEqual"),
  gt: /* @__PURE__ */ compared("Greater"),
  ge: /* @__PURE__ */ compared("GreaterOrEqual"),

  where: (writer, { inputs: [condition, a, b] }) =>
    writer.node("Where", [cast(writer, writer.value(condition), BOOL), ...writer.values([a, b])]),
};

function cast(writer: Writer, value: string, to: number): string {
  return writer.node("Cast", [value], { to });
}
