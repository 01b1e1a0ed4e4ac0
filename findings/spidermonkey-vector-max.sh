#!/usr/bin/env bash
# WebAssembly's f32x4.max(0, -0) is -0 in SpiderMonkey 102.15.1 (GJS 1.74.2 of Debian 12). The standard says 0, in
# either order. There, f32.max of the same numbers is correctly 0, and f32x4.min is right. So vector and scalar code
# disagree within one engine. Firefox 153 is correct.
#
# Linux x64. Output seen:
#
#   Node 24.21.0  f32.max(0, -0) = 0   f32x4.max(0, -0) = 0
#   GJS 1.74.2    f32.max(0, -0) = 0   f32x4.max(0, -0) = -0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund node@24.21.0 >/dev/null
# GJS needs Debian's libraries in their usual places, so it cannot be installed into a folder.
if ! command -v gjs >/dev/null; then
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends gjs >/dev/null
fi
[ "$(gjs --version)" = "gjs 1.74.2" ]
cat >max.js <<'JS'
// (module (memory (export "m") 1)
//   (func (export "scalar") (f32.store (i32.const 0) (f32.max (f32.load (i32.const 16)) (f32.load (i32.const 32)))))
//   (func (export "vector") (v128.store (i32.const 0) (f32x4.max (v128.load (i32.const 16)) (v128.load (i32.const 32))))))
const name = (text) => [text.length, ...[...text].map((letter) => letter.charCodeAt(0))];
const scalar = [0, 65, 0, 65, 16, 42, 2, 0, 65, 32, 42, 2, 0, 151, 56, 2, 0, 11];
const vector = [0, 65, 0, 65, 16, 253, 0, 4, 0, 65, 32, 253, 0, 4, 0, 253, 233, 1, 253, 11, 4, 0, 11];
const section = (id, ...content) => [id, content.length, ...content];
const bytes = Uint8Array.from([
  ...[0, 97, 115, 109, 1, 0, 0, 0], ...section(1, 1, 96, 0, 0), ...section(3, 2, 0, 0), ...section(5, 1, 0, 1),
  ...section(7, 3, ...name("m"), 2, 0, ...name("scalar"), 0, 0, ...name("vector"), 0, 1),
  ...section(10, 2, scalar.length, ...scalar, vector.length, ...vector),
]);
const { m, ...functions } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
const numbers = new Float32Array(m.buffer);
numbers.fill(0, 4, 8);
numbers.fill(-0, 8, 12);
const results = ["scalar", "vector"].map((which) => {
  functions[which]();
  return Object.is(numbers[0], -0) ? "-0" : `${numbers[0]}`;
});
const say = typeof print === "function" ? print : console.log;
say(`f32.max(0, -0) = ${results[0]}   f32x4.max(0, -0) = ${results[1]}`);
JS
node=$(node_modules/.bin/node max.js)
gjs=$(gjs max.js)
echo "Node 24.21.0  $node"
echo "GJS 1.74.2    $gjs"
[ "$node" = "f32.max(0, -0) = 0   f32x4.max(0, -0) = 0" ] && [ "$gjs" = "f32.max(0, -0) = 0   f32x4.max(0, -0) = -0" ]
