#!/usr/bin/env bash
# One WebAssembly module, one processor, two results: f32x4.relaxed_madd rounds a*b + c once (a fused multiply-add) in
# V8 (Node 24.21.0), and twice in JavaScriptCore (Bun 1.4.5), although the processor has the fused instruction. The
# standard allows both, but surprisingly the engine chooses, not the machine, so Node and Bun differ on one machine.
#
# (1 + 2^-12)^2 - (1 + 2^-11) is 2^-24 if rounded once, and 0 if the square is rounded too. Linux x64 with FMA. Output
# seen:
#
#   Node 24.21.0  5.960464477539063e-8
#   Bun 1.4.5     0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund node@24.21.0 bun@1.4.5 >/dev/null
cat >madd.mjs <<'JS'
// (module (memory (export "m") 1) (func (export "f")
//   (v128.store (i32.const 0) (f32x4.relaxed_madd
//     (v128.load (i32.const 16)) (v128.load (i32.const 32)) (v128.load (i32.const 48))))))
const bytes = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 9, 2, 1, 109, 2, 0, 1, 102, 0, 0, 10, 31, 1, 29, 0,
  65, 0, 65, 16, 253, 0, 4, 0, 65, 32, 253, 0, 4, 0, 65, 48, 253, 0, 4, 0, 253, 133, 2, 253, 11, 4, 0, 11,
]);
const { m, f } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
const numbers = new Float32Array(m.buffer);
numbers.fill(1 + 2 ** -12, 4, 12);
numbers.fill(-(1 + 2 ** -11), 12, 16);
f();
console.log(numbers[0]);
JS
node=$(node_modules/.bin/node madd.mjs)
bun=$(node_modules/.bin/bun madd.mjs)
echo "Node 24.21.0  $node"
echo "Bun 1.4.5     $bun"
[ "$node" = 5.960464477539063e-8 ] && [ "$bun" = 0 ]
