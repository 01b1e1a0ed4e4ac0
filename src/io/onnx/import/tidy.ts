/**
 * The graph without what is only a way of writing: constants as tensors, one GELU for the five nodes that it takes, and
 * no node that the output does not need. Next: state.ts.
 */
import { FormatError } from "../../errors.ts";
import { folded } from "./fold.ts";
import { type Graph, type GraphNode, nodeTitle } from "./model.ts";
import type { Numbers } from "./numbers.ts";

export interface TidyGraph extends Graph {
  /** Names of tensors that nodes wrote down: constants, whatever reads them. */
  readonly literals: ReadonlySet<string>;
}

export function tidy(graph: Graph): TidyGraph {
  const tensors = new Map(graph.tensors);
  const literals = new Map<string, Numbers>();
  const rest: GraphNode[] = [];
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    const source = tensors.get(node.inputs[0]);
    const literal = node.operator === "Constant" ? constantOf(node) : folded(node, graph.opset, literals);
    if (literal) {
      tensors.set(output, literal);
      literals.set(output, literal);
    } else if (node.operator === "Identity" && source) {
      // An exporter wrote equal tensors only once. They are trained apart.
      const copy = { shape: source.shape, data: source.data.slice() };
      tensors.set(output, copy);
      if (literals.has(node.inputs[0])) literals.set(output, copy);
    } else rest.push(node);
  }
  const nodes = needed(withGelu(rest, tensors), graph);
  return { ...graph, tensors, literals: new Set(literals.keys()), nodes };
}

function constantOf(node: GraphNode): Numbers {
  const [entry] = node.attributes;
  const [kind, value] = entry ?? [];
  if (kind === "value" && typeof value === "object" && "data" in value) return value;
  if (kind === "value_float" && typeof value === "number") return { shape: [], data: Float32Array.of(value) };
  if (kind === "value_int" && typeof value === "number") return { shape: [], data: [value] };
  if (kind === "value_floats" && Array.isArray(value)) return { shape: [value.length], data: Float32Array.from(value) };
  if (kind === "value_ints" && Array.isArray(value)) return { shape: [value.length], data: value };
  throw new FormatError(`importOnnx: ${nodeTitle(node)} must hold numbers; ${kind ?? "nothing"} is not read`);
}

/** The nodes that the outputs depend on. */
function needed(nodes: readonly GraphNode[], { outputs }: Graph): GraphNode[] {
  const wanted = new Set(outputs.map(({ name }) => name));
  const kept: GraphNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    kept.push(node);
    for (const input of node.inputs) wanted.add(input);
  }
  return kept.reverse();
}

/**
 * ½x·(1 + erf(x/√2)), whose five nodes are written in several orders, as the operator Gelu. What is left of them is not
 * needed any more.
 */
function withGelu(nodes: readonly GraphNode[], tensors: ReadonlyMap<string, Numbers>): GraphNode[] {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const isNumber = (name: string, value: number): boolean => {
    const numbers = tensors.get(name);
    return numbers?.data.length === 1 && Math.abs(numbers.data[0] - value) < 1e-4;
  };
  /** x in x·value or value·x. */
  const factor = (name: string, value: number, operator = "Mul"): string | undefined => {
    const node = makers.get(name);
    if (node?.operator !== operator) return undefined;
    const [a, b] = node.inputs;
    if (isNumber(b, value)) return a;
    return operator !== "Div" && isNumber(a, value) ? b : undefined;
  };
  /** x, if `name` is 1 + erf(x/√2). */
  const open = (name: string): string | undefined => {
    const curve = makers.get(factor(name, 1, "Add") ?? "");
    if (curve?.operator !== "Erf") return undefined;
    return factor(curve.inputs[0], Math.SQRT2, "Div") ?? factor(curve.inputs[0], Math.SQRT1_2);
  };
  /** x, if a·b is x·(1 + erf(x/√2)), for one order of the two. */
  const product = (a: string, b: string, half: (name: string) => string | undefined): string | undefined => {
    const x = open(b);
    return x !== undefined && half(a) === x ? x : undefined;
  };
  const geluOf = (node: GraphNode): string | undefined => {
    if (node.operator !== "Mul") return undefined;
    const [a, b] = node.inputs;
    // (½x)·(1 + erf) …
    const halved = (name: string): string | undefined => factor(name, 0.5);
    const direct = product(a, b, halved) ?? product(b, a, halved);
    if (direct !== undefined) return direct;
    // … or x·(½(1 + erf)) …
    for (const [x, other] of [
      [a, b],
      [b, a],
    ]) {
      const inner = factor(other, 0.5);
      if (inner !== undefined && open(inner) === x) return x;
    }
    // … or ½·(x·(1 + erf)).
    const whole = makers.get(factor(node.outputs[0], 0.5) ?? "");
    if (whole?.operator !== "Mul") return undefined;
    const [c, d] = whole.inputs;
    const same = (name: string): string => name;
    return product(c, d, same) ?? product(d, c, same);
  };
  return nodes.map((node) => {
    const x = geluOf(node);
    return x === undefined ? node : { ...node, operator: "Gelu", inputs: [x], attributes: new Map() };
  });
}
