#!/usr/bin/env bash
# ONNX Runtime's Clip with one bound left out is not one-sided: the missing bound counts as the largest finite float32, so that +∞
# becomes 3.4028235e38 where only a lower bound is given, and −∞ likewise. (ONNX gives the missing bound that default.) PyTorch's exporter
# writes clamp(min=0) so: a network that overflows answers ∞ in PyTorch and a finite number after export, and a check for ∞ downstream
# finds nothing. With a bound that is written as ∞, or as Max or Relu, ∞ stays.
#
# onnxruntime-web 1.30.0 (WebAssembly), Node 20. Output seen, for x = [−∞, −1, 1, ∞]:
#
#   Clip(x, 0)     0 0 1 3.4028234663852886e+38
#   Clip(x, 0, ∞)  0 0 1 Infinity
#   Clip(x)        -3.4028234663852886e+38 -1 1 3.4028234663852886e+38
#   Max(x, 0)      0 0 1 Infinity
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund onnx-proto@8.0.1 onnxruntime-web@1.30.0 >/dev/null
cat >clip.mjs <<'JS'
import proto from "onnx-proto";
import * as ort from "onnxruntime-web";
const { ModelProto } = proto.onnx;
const ofFour = (name) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 4 }] } } } });
const number = (name, value) => ({ name, dataType: 1, dims: [], floatData: [value] });
async function run(opType, ...numbers) {
  const initializer = numbers.map((value, i) => number(`n${i}`, value));
  const node = [{ opType, input: ["x", ...initializer.map(({ name }) => name)], output: ["y"] }];
  const graph = { name: "one node", node, initializer, input: [ofFour("x")], output: [ofFour("y")] };
  const model = ModelProto.create({ irVersion: 8, opsetImport: [{ version: 17 }], graph });
  const session = await ort.InferenceSession.create(ModelProto.encode(model).finish());
  const { y } = await session.run({ x: new ort.Tensor("float32", [-Infinity, -1, 1, Infinity], [4]) });
  return y.data.join(" ");
}
const seen = [
  ["Clip(x, 0)", await run("Clip", 0)],
  ["Clip(x, 0, ∞)", await run("Clip", 0, Infinity)],
  ["Clip(x)", await run("Clip")],
  ["Max(x, 0)", await run("Max", 0)],
];
for (const [what, numbers] of seen) console.log(`${what.padEnd(15)}${numbers}`);
const largest = "3.4028234663852886e+38";
const expected = [`0 0 1 ${largest}`, "0 0 1 Infinity", `-${largest} -1 1 ${largest}`, "0 0 1 Infinity"];
process.exit(seen.every(([, numbers], i) => numbers === expected[i]) ? 0 : 1);
JS
node clip.mjs
