#!/usr/bin/env bash
# In Node 22.23.3, x ** y is wrong in its last three digits if y is above 2 ** 31: by hundreds of units in the last
# place, compared with one for smaller y. Node 24.21.0 is right. This script computes the exact value in whole numbers.
#
# Linux x64. Output seen:
#
#   1.000000176499203 ** 3000000000
#   exactly  9.0754781579984409432…e+229
#   Node 22  9.07547815799894e+229: 464 units in the last place off
#   Node 24  9.075478157998441e+229: 0 units in the last place off
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for version in 22.23.3 24.21.0; do
  npm install --silent --no-audit --no-fund --prefix "$version" "node@$version" >/dev/null
done
power='const [x, y] = process.argv.slice(1).map(Number); console.log(x ** y)'
x=1.000000176499203 y=3000000000
older=$(22.23.3/node_modules/.bin/node -e "$power" -- $x $y)
newer=$(24.21.0/node_modules/.bin/node -e "$power" -- $x $y)
cat >exact.mjs <<'JS'
const [x, y, older, newer] = process.argv.slice(2).map(Number);
const B = 400n;
const one = 1n << B;
/** v·2⁴⁰⁰; every double used here is a whole number of 2⁻²⁰⁰. */
const fixed = (v) => {
  let scale = 0n;
  while (!Number.isInteger(v)) { v *= 2; scale++; }
  return (BigInt(v) << B) >> scale;
};
/** ln x = 2 artanh((x − 1)/(x + 1)) */
const ln = (v) => {
  const s = ((v - one) << B) / (v + one);
  let sum = 0n;
  for (let k = 1n, term = s; term !== 0n; k += 2n, term = (term * s / one) * s / one) sum += term / k;
  return 2n * sum;
};
/** e^v, v made small by halving, the result squared as often. */
const exp = (v) => {
  let sum = one;
  for (let n = 1n, term = one; ; n++) {
    term = (term * (v >> 12n)) / (one * n);
    if (term === 0n) break;
    sum += term;
  }
  for (let i = 0; i < 12; i++) sum = (sum * sum) / one;
  return sum;
};
const value = exp((fixed(y) * ln(fixed(x))) / one);
const lastPlace = fixed(2 ** (Math.floor(Math.log2(newer)) - 52));
const off = (v) => Math.round(Number(((fixed(v) - value) * 1000n) / lastPlace) / 1000);
console.log(`${x} ** ${y}`);
const digits = String(value >> B);
console.log(`exactly  ${digits[0]}.${digits.slice(1, 20)}…e+${digits.length - 1}`);
console.log(`Node 22  ${older}: ${off(older)} units in the last place off`);
console.log(`Node 24  ${newer}: ${off(newer)} units in the last place off`);
process.exit(Math.abs(off(older)) > 400 && Math.abs(off(newer)) <= 1 ? 0 : 1);
JS
24.21.0/node_modules/.bin/node exact.mjs "$x" "$y" "$older" "$newer"
