#!/usr/bin/env bash
# TensorFlow.js' batchNormalization keeps a running variance with the divisor n. PyTorch's keeps the one with n − 1 (and normalises with n).
# So a network fine-tuned in TensorFlow.js with small batches or small feature maps ends with smaller running variances than the same
# training in PyTorch: by half where a batch has two values per channel, by 1/n in general.
#
# @tensorflow/tfjs 4.22.0, its "cpu" backend, Node 20. One step with momentum 0 on the batch {0, 2}, whose variance is 1 with n and 2 with
# n − 1. Output seen:
#
#   running mean 1, running variance 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 >/dev/null
cat >variance.mjs <<'JS'
import * as tf from "@tensorflow/tfjs";
await tf.setBackend("cpu");
const norm = tf.layers.batchNormalization({ inputShape: [1], momentum: 0 });
const model = tf.sequential({ layers: [norm] });
model.compile({ optimizer: tf.train.sgd(0), loss: "meanSquaredError" });
const x = tf.tensor2d([[0], [2]]);
await model.fit(x, x, { batchSize: 2, epochs: 1, verbose: 0 });
const [, , mean, variance] = norm.getWeights().map((weight) => weight.dataSync()[0]);
console.log(`running mean ${mean}, running variance ${variance}`);
process.exit(mean === 1 && variance === 1 ? 0 : 1);
JS
node variance.mjs 2>/dev/null
