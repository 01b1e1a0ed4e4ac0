#!/usr/bin/env bash
# Node 22.23.3 (V8 12.4) runs WebAssembly modules whose memory has 64-bit addresses, without a flag, but with the API of an
# earlier draft: sizes are numbers, not BigInts. `memory.grow(1n)` is a TypeError there, and `memory.grow(1)` is one in Node
# 24.21.0. `new WebAssembly.Memory({ address: "i64", initial: 1n })` is a TypeError, too; with `initial: 1` it makes a memory
# with 32-bit addresses, because an option of an unknown name is ignored. So `WebAssembly.validate` does not tell whether a
# program written for the standard runs.
#
# Output seen:
#
#   Node 22.23.3  valid: true  load at 8n: 7  grow(1): 1          grow(1n): TypeError  address: TypeError
#   Node 24.21.0  valid: true  load at 8n: 7  grow(1): TypeError  grow(1n): 1          address: ok
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir 22 24
(cd 22 && npm install --silent --no-audit --no-fund --prefix . node@22.23.3 >/dev/null)
(cd 24 && npm install --silent --no-audit --no-fund --prefix . node@24.21.0 >/dev/null)
cat >memory.mjs <<'JS'
// (module (memory (export "m") i64 1) (func (export "f") (param i64) (result i32) (i32.load (local.get 0))))
const bytes = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 126, 1, 127, 3, 2, 1, 0, 5, 3, 1, 4, 1, 7, 9, 2, 1, 109, 2, 0, 1, 102, 0, 0,
  10, 9, 1, 7, 0, 32, 0, 40, 2, 0, 11,
]);
const attempt = (fn) => {
  try {
    return fn();
  } catch (error) {
    return error.name;
  }
};
const made = () => new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
const { m, f } = made();
new Int32Array(m.buffer)[2] = 7;
console.log(
  `valid: ${WebAssembly.validate(bytes)}  load at 8n: ${f(8n)}`,
  ` grow(1): ${String(attempt(() => made().m.grow(1))).padEnd(9)}  grow(1n): ${String(attempt(() => made().m.grow(1n))).padEnd(9)}`,
  ` address: ${attempt(() => (new WebAssembly.Memory({ address: "i64", initial: 1n }), "ok"))}`,
);
JS
old=$(22/node_modules/.bin/node memory.mjs)
new=$(24/node_modules/.bin/node memory.mjs)
echo "Node 22.23.3  $old"
echo "Node 24.21.0  $new"
[ "$old" = "valid: true  load at 8n: 7  grow(1): 1          grow(1n): TypeError  address: TypeError" ] &&
  [ "$new" = "valid: true  load at 8n: 7  grow(1): TypeError  grow(1n): 1          address: ok" ]
