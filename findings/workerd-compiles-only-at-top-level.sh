#!/usr/bin/env bash
# workerd 1.20261117.1, from compatibility date 2025-06-01 on: the same call, new WebAssembly.Module(bytes), works while
# a worker starts and throws CompileError in a request; WebAssembly.validate says true in both. So a program cannot find
# out once whether WebAssembly is usable: if it asks at top level, where it works, later calls fail. With the date
# 2025-05-31 it throws in both places.
#
# Linux x64. Output seen:
#
#   2025-05-31  at top level: CompileError, in a request: CompileError, validate there: true
#   2025-06-01  at top level: compiled, in a request: CompileError, validate there: true
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund workerd@1.20261117.1 >/dev/null
cat >worker.js <<'JS'
const bytes = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0]); // the empty module
function compile() {
  try {
    new WebAssembly.Module(bytes);
    return "compiled";
  } catch (error) {
    return error.name;
  }
}
const before = compile();
export default {
  fetch() {
    const valid = WebAssembly.validate(bytes);
    return new Response(`at top level: ${before}, in a request: ${compile()}, validate there: ${valid}`);
  },
};
JS
cat >ask.mjs <<'JS'
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
const { default: { default: command } } = await import("workerd"); // the path of the program
async function answer(date) {
  writeFileSync("config.capnp", `
    using Workerd = import "/workerd/workerd.capnp";
    const worker :Workerd.Worker = (modules = [(name = "w", esModule = embed "worker.js")], compatibilityDate = "${date}");
    const config :Workerd.Config = (
      services = [(name = "main", worker = .worker)],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]);`);
  const child = spawn(command, ["serve", "config.capnp", "--control-fd=3"], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  const { port } = JSON.parse(await new Promise((resolve) => child.stdio[3].once("data", resolve)));
  const text = await (await fetch(`http://127.0.0.1:${port}`)).text();
  child.kill();
  console.log(`${date}  ${text}`);
  return text;
}
const rest = "in a request: CompileError, validate there: true";
const older = await answer("2025-05-31");
const newer = await answer("2025-06-01");
process.exit(older === `at top level: CompileError, ${rest}` && newer === `at top level: compiled, ${rest}` ? 0 : 1);
JS
node ask.mjs
