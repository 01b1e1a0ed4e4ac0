#!/usr/bin/env bash
# In Node 20.20.2 and 26.10.0, assert.deepEqual treats NaN as equal to NaN in an ordinary array, as its documentation
# says, but as unequal in a Float32Array or Float64Array. assert.deepStrictEqual treats it as equal in both. So a test
# that compares numbers that are rightly NaN passes or fails depending on how they are stored.
#
# Output seen:
#
#   Node v20.20.2   [NaN] equal   Float32Array [NaN] different   Float64Array [NaN] different   strict: equal
#   Node v26.10.0   [NaN] equal   Float32Array [NaN] different   Float64Array [NaN] different   strict: equal
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >equal.mjs <<'JS'
import assert from "node:assert";
const says = (equal, a, b) => {
  try {
    equal(a, b);
    return "equal";
  } catch {
    return "different";
  }
};
const loose = (make) => says(assert.deepEqual, make(), make());
const strict = says(assert.deepStrictEqual, Float32Array.of(NaN), Float32Array.of(NaN));
console.log(
  `Node ${process.version}   [NaN] ${loose(() => [NaN])}   Float32Array [NaN] ${loose(() => Float32Array.of(NaN))}   ` +
    `Float64Array [NaN] ${loose(() => Float64Array.of(NaN))}   strict: ${strict}`,
);
JS
for version in 20.20.2 26.10.0; do
  npm install --silent --no-audit --no-fund --prefix "$version" "node@$version" >/dev/null
  line=$("$version"/node_modules/.bin/node equal.mjs)
  echo "$line"
  test "$line" = "Node v$version   [NaN] equal   Float32Array [NaN] different   Float64Array [NaN] different   strict: equal"
done
