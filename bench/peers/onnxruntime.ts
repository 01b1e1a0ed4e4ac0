/** ONNX Runtime Web as a contender: WebAssembly on one thread. It cannot train. */
import * as ort from "onnxruntime-web";
import { type Prepared, serve } from "../serve.ts";
import type { NetworkWork, Work } from "../works.ts";
import { type Operations, random, resnet } from "./network.ts";
import { type OnnxNode, type OnnxTensor, onnxModel } from "./onnx.ts";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

/** Writes a graph; values are represented by their names. */
class Graph implements Operations<string> {
  readonly nodes: OnnxNode[] = [];
  readonly weights: OnnxTensor[] = [];

  op(op: string, inputs: readonly string[], attributes: OnnxNode["attributes"] = {}): string {
    const output = `v${this.nodes.length}`;
    this.nodes.push({ op, inputs, output, attributes });
    return output;
  }

  weight(shape: readonly number[], fanIn?: number): string {
    const name = `w${this.weights.length}`;
    this.weights.push({
      name,
      shape,
      data: random(
        shape.reduce((n, d) => n * d, 1),
        fanIn,
      ),
    });
    return name;
  }

  conv(x: string, _name: string, C: number, O: number, kernel: number, stride: number): string {
    const weights = [this.weight([O, C, kernel, kernel], C * kernel * kernel), this.weight([O])];
    const half = kernel >> 1;
    const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [half, half, half, half] };
    return this.op("Conv", [x, ...weights], attributes);
  }

  /** Folded. */
  norm(x: string): string {
    return x;
  }

  relu(x: string): string {
    return this.op("Relu", [x]);
  }

  add(x: string, y: string): string {
    return this.op("Add", [x, y]);
  }

  halve(x: string, extra: number): string {
    const half = this.op("MaxPool", [x], { kernel_shape: [1, 1], strides: [2, 2] });
    const pads = `w${this.weights.length}`;
    this.weights.push({ name: pads, shape: [8], data: BigInt64Array.from([0, 0, 0, 0, 0, extra, 0, 0], BigInt) });
    return this.op("Pad", [half, pads]);
  }

  maxPool(x: string): string {
    return this.op("MaxPool", [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  }

  head(x: string, C: number, classes: number): string {
    const mean = this.op("Flatten", [this.op("GlobalAveragePool", [x])]);
    return this.op("Gemm", [mean, this.weight([C, classes], C), this.weight([classes])]);
  }

  twice(x: string): [string, string] {
    return [x, x];
  }
}

async function session(graph: Graph, inputs: Record<string, readonly number[]>, output: string): Promise<Prepared> {
  const model = onnxModel({ inputs, weights: graph.weights, nodes: graph.nodes, output });
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => {
      return [name, new ort.Tensor("float32", random(shape.reduce((n, d) => n * d, 1)), shape)];
    }),
  );
  return {
    run: async () => {
      await session.run(feeds);
    },
  };
}

async function prepare(work: Work): Promise<Prepared> {
  const graph = new Graph();
  switch (work.kind) {
    case "gemm": {
      const { m, n, k, transposeA = false, transposeB = false } = work;
      const inputs = { a: transposeA ? [k, m] : [m, k], b: transposeB ? [n, k] : [k, n] };
      const output = graph.op("Gemm", ["a", "b"], { transA: Number(transposeA), transB: Number(transposeB) });
      return session(graph, inputs, output);
    }
    case "convolution": {
      if (work.pass !== "forward") throw new Error("no gradients");
      const { N, C, O, size, kernel, stride = 1 } = work;
      return session(graph, { x: [N, C, size, size] }, graph.conv("x", "", C, O, kernel, stride));
    }
    case "inference": {
      const { batch, channels, size } = work as NetworkWork;
      return session(graph, { x: [batch, channels, size, size] }, resnet(work, "x", graph));
    }
    case "relu":
    case "add": {
      const inputs = { x: [work.N, work.C, work.size, work.size] };
      return session(graph, inputs, work.kind === "relu" ? graph.relu("x") : graph.add("x", "x"));
    }
    default:
      throw new Error("no training");
  }
}

await serve({ version: () => `onnxruntime-web ${ort.env.versions.web}`, prepare });
