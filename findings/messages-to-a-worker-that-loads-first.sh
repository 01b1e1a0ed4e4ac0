#!/usr/bin/env bash
# A worker that loads something before it listens (weights, a model, data: `await load(); onmessage = …`) never hears what was sent to
# it meanwhile in Deno and Bun: the messages are dropped without a word, and whoever waits for an answer waits for ever. In Node, whose
# workers listen at `parentPort`, the same messages wait until there is a listener. So a worker that was tried in Node hangs elsewhere.
# What helps everywhere: listen first and load then, or let the worker say that it is ready.
#
# Deno 2.9.6 (V8), Bun 1.4.5 (JavaScriptCore), Node 20. Output seen, for one message sent at once and one after 1.5 seconds:
#
#   Deno: later
#   Bun:  later
#   Node: at once, later
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund deno@2.9.6 bun@1.4.5 >/dev/null
cat >worker.mjs <<'JS'
const port = globalThis.process?.release?.name === "node" && !globalThis.Bun && !globalThis.Deno
  ? (await import("node:worker_threads")).parentPort
  : globalThis;
await new Promise((resolve) => setTimeout(resolve, 300)); // stands for loading
const answer = (data) => port.postMessage(data);
if (port === globalThis) globalThis.onmessage = ({ data }) => answer(data);
else port.on("message", answer);
JS
cat >main.mjs <<'JS'
const url = new URL("./worker.mjs", import.meta.url);
const heard = [];
const { Worker } = globalThis.Worker ? globalThis : await import("node:worker_threads");
const worker = new Worker(url, { type: "module" });
if (worker.on) worker.on("message", (data) => heard.push(data));
else worker.onmessage = ({ data }) => heard.push(data);
worker.postMessage("at once");
setTimeout(() => worker.postMessage("later"), 1500);
setTimeout(() => {
  console.log(heard.join(", "));
  worker.terminate();
}, 3000);
JS
deno=$(node node_modules/deno/bin.cjs run -A main.mjs)
bun=$(node_modules/bun/bin/bun.exe main.mjs)
node=$(node main.mjs)
printf 'Deno: %s\nBun:  %s\nNode: %s\n' "$deno" "$bun" "$node"
[ "$deno" = later ] && [ "$bun" = later ] && [ "$node" = "at once, later" ]
