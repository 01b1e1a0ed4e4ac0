#!/usr/bin/env bash
# In 10 % of cases, x ** y differs between Node 22.23.3 and Node 24.21.0, mostly by one unit in the last place. So
# learning-rate schedules and Adam's β ** t, logged or resumed under one version, are not reproduced under the other.
#
# Linux x64. Output seen:
#
#   0.9 ** 4 is 0.6561000000000001 in Node 22 and 0.6561 in Node 24
#   other in 3973 of 40000 values
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for version in 22.23.3 24.21.0; do
  npm install --silent --no-audit --no-fund --prefix "$version" "node@$version" >/dev/null
done
cat >values.mjs <<'JS'
const values = Array.from({ length: 40000 }, (_, i) => (0.501 + i / 1000) ** ((i + 1) / 3000 - 6));
const decays = Array.from({ length: 1000 }, (_, step) => 0.9 ** step);
console.log(JSON.stringify({ values, decays }));
JS
22.23.3/node_modules/.bin/node values.mjs >22.json
24.21.0/node_modules/.bin/node values.mjs >24.json
cat >compare.mjs <<'JS'
import { readFileSync } from "node:fs";
const [older, newer] = ["22", "24"].map((name) => JSON.parse(readFileSync(`${name}.json`, "utf8")));
const step = older.decays.findIndex((v, i) => v !== newer.decays[i]);
console.log(`0.9 ** ${step} is ${older.decays[step]} in Node 22 and ${newer.decays[step]} in Node 24`);
const count = older.values.filter((v, i) => v !== newer.values[i]).length;
console.log(`other in ${count} of 40000 values`);
process.exit(step === 4 && count === 3973 ? 0 : 1);
JS
24.21.0/node_modules/.bin/node compare.mjs
