/** Formulas in words and numbers: how a number of the tour was computed. */
import type { Node } from "skipstone";
import { addsUp, type Term, type Use } from "./trace.ts";

/** A number in at most four digits after the point, with a proper minus sign: −0.0306. */
export function written(value: number): string {
  const text = String(Number(value.toFixed(4)));
  return text === "-0" ? "0" : text.replace("-", "−");
}

/** The same inside a formula: negative ones in parentheses. */
function operand(value: number): string {
  const text = written(value);
  return text.startsWith("−") ? `(${text})` : text;
}

/** Σ value·factor with the summands that are not 0 (or one of them); factors that are all 1 are not written. */
function sumText(pairs: readonly (readonly [number, number])[]): string {
  const counted = pairs.filter(([value, factor]) => value * factor !== 0);
  const shown = counted.length > 0 ? counted : pairs.slice(0, 1);
  const plain = pairs.every(([, factor]) => factor === 1);
  return shown
    .map(([value, factor], i) => {
      const first = i === 0 ? written(value) : operand(value);
      return plain ? first : `${i === 0 ? written(factor) : operand(factor)}·${operand(value)}`;
    })
    .join(" + ");
}

/** How output element `i` of a node was computed: `0.5·3 + (−1)·2 = −0.5`. */
export function forwardText(node: Node, i: number, terms: readonly Term[]): string {
  const result = written(node.output.data[i]);
  if (node.op === "relu") return `the larger of 0 and ${written(node.inputs[0].data[i])} = ${result}`;
  if (node.op === "softmax") {
    const powers = Array.from(node.inputs[0].data, (z) => `e^${operand(z)}`);
    return `${powers[i]} / (${powers.join(" + ")}) = ${result}`;
  }
  if (node.op === "crossEntropy")
    return `−ln of the probability of the right class, −ln ${written(Math.exp(-node.output.data[i]))} = ${result}`;
  if (!addsUp(node, i, terms))
    return `${node.op} of ${terms.map(({ value }) => written(value)).join(", ")} = ${result}`;
  const [{ factor }] = terms;
  const count = Math.round(1 / factor);
  if (terms.length > 1 && count === terms.length && terms.every((term) => term.factor === factor)) {
    return `(${sumText(terms.map(({ value }) => [value, 1]))}) / ${count} = ${result}`;
  }
  return `${sumText(terms.map(({ value, factor }) => [value, factor]))} = ${result}`;
}

/** How the gradient at a place was added up: each use's gradient times its factor. */
export function backwardText(arrivals: readonly (readonly [use: Use, gradient: number])[], result: number): string {
  if (arrivals.length === 0) return `no path leads from the loss to here: ${written(result)}`;
  const pairs = arrivals.map(([use, gradient]) => [gradient, use.factor] as const);
  const nodes = new Set(arrivals.map(([use]) => use.node.op));
  const how = `${sumText(pairs)} = ${written(result)}`;
  if (nodes.has("crossEntropy")) return `prediction minus truth: ${written(result)}`;
  if (nodes.has("relu") && arrivals.length === 1) {
    return arrivals[0][1] !== 0 && arrivals[0][0].factor === 0
      ? `the ReLU is closed here: ${how}`
      : `the ReLU is open here: ${how}`;
  }
  return how;
}
