#!/usr/bin/env bash
# fast-png 8.0.0 returns the pixels of a PNG with 1, 2 or 4 bits per pixel packed, several in each byte, rows padded to whole bytes:
# `data` has fewer numbers than width × height × channels. 8 and 16 bits come as one number per pixel. Code that reads data[y * width + x]
# gets undefined, and NaN after normalisation, for most of such a picture (scans, icons, and masks are often stored so).
#
# Linux x64, Node 20. Output seen:
#
#   1 bit:  20 × 3 pixels, data has 9 numbers (60 pixels)
#   4 bits: 20 × 3 pixels, data has 30 numbers (60 pixels)
#   8 bits: 20 × 3 pixels, data has 60 numbers (60 pixels)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund fast-png@8.0.0 >/dev/null
cat >decode.mjs <<'JS'
import { crc32, deflateSync } from "node:zlib";
import { decode } from "fast-png";
const [width, height] = [20, 3];
const crcTable = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
const crcOf = crc32 ?? ((bytes) => bytes.reduce((c, byte) => (crcTable[(c ^ byte) & 255] ^ (c >>> 8)) >>> 0, 0xffffffff) ^ 0xffffffff);
const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  crc.writeUInt32BE(crcOf(body) >>> 0);
  return Buffer.concat([length, body, crc]);
};
const seen = [1, 4, 8].map((depth) => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, 0, 0, 0, 0], 8);
  const row = 1 + Math.ceil((width * depth) / 8);
  const png = Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(row * height))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
  const { data } = decode(png);
  console.log(`${depth} bit${depth > 1 ? "s:" : ": "} ${width} × ${height} pixels, data has ${data.length} numbers (${width * height} pixels)`);
  return data.length;
});
process.exit(seen.join() === "9,30,60" ? 0 : 1);
JS
node decode.mjs
