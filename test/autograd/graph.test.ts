import { describe, expect, it } from "vitest";
import { add, mul, relu } from "../../src/autograd/elementwise.ts";
import { graphToDot, needsGrad, nodesBefore } from "../../src/autograd/graph.ts";
import { softmax } from "../../src/autograd/softmax.ts";
import { tensor } from "../../src/tensor/create.ts";

const x = tensor([1, 2], { requiresGrad: true });
const h = mul(x, 2);
const y = add(relu(h), x);

describe("walking the graph", () => {
  it("visits each node once, outputs before inputs", () => {
    expect(nodesBefore(y).map((node) => node.op)).toEqual(["add", "relu", "mul"]);
  });

  it("stops at given tensors", () => {
    expect(nodesBefore(y, [h]).map((node) => node.op)).toEqual(["add", "relu"]);
  });

  it("a leaf has no nodes", () => {
    expect(nodesBefore(x)).toEqual([]);
  });

  it("a node is data: op, inputs, output", () => {
    expect(y.node?.op).toBe("add");
    expect(y.node?.inputs[1]).toBe(x);
    expect(y.node?.output).toBe(y);
  });

  it("and what the operation was asked besides: its attributes", () => {
    expect(softmax(x, -1).node?.attributes).toEqual({ axis: -1 });
    expect(y.node?.attributes).toBeUndefined();
  });
});

describe("needsGrad", () => {
  it("is true for leaves that ask and for what is computed from them", () => {
    expect([x, h, tensor([1]), mul(tensor([1]), 2)].map(needsGrad)).toEqual([true, true, false, false]);
  });
});

describe("graphToDot", () => {
  it("prints operations, leaves, shapes and names for Graphviz", () => {
    const order = (h.node?.order ?? 0) as number;
    expect(graphToDot(y, new Map([[x, 'the "input"']]))).toBe(`digraph {
  rankdir=BT;
  op${order} [shape=box, label="mul"];
  leaf0 -> op${order} [label="[2]"];
  leaf1 -> op${order} [label="[]"];
  op${order + 1} [shape=box, label="relu"];
  op${order} -> op${order + 1} [label="[2]"];
  op${order + 2} [shape=box, label="add"];
  op${order + 1} -> op${order + 2} [label="[2]"];
  leaf0 -> op${order + 2} [label="[2]"];
  leaf0 [shape=ellipse, style=bold, label="the \\"input\\"\\n[2]"];
  leaf1 [shape=ellipse, style=dashed, label="constant\\n[]"];
}
`);
  });

  it("prints a lone leaf", () => {
    expect(graphToDot(x)).toContain('leaf0 [shape=ellipse, style=bold, label="parameter\\n[2]"];');
  });
});
