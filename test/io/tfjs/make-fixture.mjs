// Makes fixture/ with TensorFlow.js itself: `npm install @tensorflow/tfjs@4.22.0` somewhere, then `node make-fixture.mjs` there.
// A model as it saves it, what it computes, and what it makes of quantised numbers.
import { mkdirSync, writeFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";

const folder = "fixture";
mkdirSync(folder, { recursive: true });
const random = (seed) => ({ kernelInitializer: tf.initializers.randomNormal({ seed, stddev: 0.5 }) });
const spread = (seed) => tf.initializers.randomUniform({ minval: 0.5, maxval: 1.5, seed });
const model = tf.sequential({
  layers: [
    tf.layers.conv2d({
      name: "conv1",
      inputShape: [6, 7, 2],
      filters: 3,
      kernelSize: [3, 2],
      ...random(1),
      biasInitializer: spread(2),
    }),
    tf.layers.batchNormalization({
      name: "bn1",
      epsilon: 1e-5,
      gammaInitializer: spread(3),
      betaInitializer: spread(4),
      movingMeanInitializer: spread(5),
      movingVarianceInitializer: spread(6),
    }),
    tf.layers.depthwiseConv2d({
      name: "conv2",
      kernelSize: [2, 3],
      depthMultiplier: 2,
      depthwiseInitializer: tf.initializers.randomNormal({ seed: 7, stddev: 0.5 }),
      biasInitializer: spread(8),
    }),
    tf.layers.globalAveragePooling2d({}),
    tf.layers.dense({ name: "fc", units: 4, ...random(9), biasInitializer: spread(10) }),
  ],
});
await model.save(
  tf.io.withSaveHandler(async ({ modelTopology, format, weightSpecs, weightData }) => {
    // Two files of one group, cut inside a tensor, as tfjs cuts at 4 MB.
    const bytes = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
    const paths = ["group1-shard1of2.bin", "group1-shard2of2.bin"];
    writeFileSync(`${folder}/${paths[0]}`, bytes.subarray(0, 101));
    writeFileSync(`${folder}/${paths[1]}`, bytes.subarray(101));
    const json = {
      format,
      generatedBy: "TensorFlow.js",
      modelTopology,
      weightsManifest: [{ paths, weights: weightSpecs }],
    };
    writeFileSync(`${folder}/model.json`, JSON.stringify(json));
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
  }),
);
const x = tf.randomNormal([2, 6, 7, 2], 0, 1, "float32", 11);
const y = model.predict(x);

const quantized = [
  { name: "a", shape: [2, 3], dtype: "float32", quantization: { dtype: "uint8", scale: 0.1, min: -1.3 } },
  { name: "b", shape: [3], dtype: "float32", quantization: { dtype: "uint16", scale: 0.00037, min: 2.5 } },
  { name: "c", shape: [4], dtype: "float32", quantization: { dtype: "float16", original_dtype: "float32" } },
  { name: "d", shape: [2], dtype: "int32", quantization: { dtype: "uint8", scale: 1.7, min: -3 } },
  { name: "e", shape: [2], dtype: "int32" },
  { name: "f", shape: [2], dtype: "bool" },
];
const bytes = Uint8Array.from([
  ...[0, 1, 7, 128, 254, 255],
  ...[0, 0, 57, 48, 255, 255],
  ...[0, 60, 1, 0, 255, 123, 85, 181],
  ...[0, 255],
  ...[1, 0, 0, 0, 254, 255, 255, 255],
  ...[0, 1],
]);
const decoded = tf.io.decodeWeights(bytes.buffer, quantized);
const values = Object.fromEntries(Object.entries(decoded).map(([name, t]) => [name, Array.from(t.dataSync(), Number)]));
const expected = { x: Array.from(x.dataSync()), y: Array.from(y.dataSync()), quantized, bytes: [...bytes], values };
writeFileSync(`${folder}/expected.json`, JSON.stringify(expected));
