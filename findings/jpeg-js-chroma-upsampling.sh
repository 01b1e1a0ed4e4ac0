#!/usr/bin/env bash
# jpeg-js 0.4.4 and libjpeg-turbo (in sharp 0.35.5) decode the same JPEG file with halved chroma (4:2:0), the usual kind of photograph,
# to pixels that differ by up to 124 of 255 levels at the edges between colours. With full chroma (4:4:4) they differ by 3 at most.
# jpeg-js repeats each chroma sample; libjpeg, and with it Pillow and torchvision, interpolates between samples. So a classifier
# that is fed by jpeg-js does not see what it was trained on: normalised by ImageNet's deviations, 124 levels are 2.1.
#
# Linux x64, Node 20. Output seen:
#
#   4:4:4  largest difference 3 of 255 levels, 0.0 % of values differ by more than 16
#   4:2:0  largest difference 124 of 255 levels, 25.9 % of values differ by more than 16
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund jpeg-js@0.4.4 sharp@0.35.5 >/dev/null
cat >compare.mjs <<'JS'
import jpeg from "jpeg-js";
import sharp from "sharp";
// Coloured stripes and a disc: edges in every direction.
const [width, height] = [96, 64];
const raw = Buffer.alloc(3 * width * height);
for (let y = 0; y < height; y++) {
  for (let x = 0; x < width; x++) {
    const inside = Math.hypot(x - 48, y - 32) < 20;
    const stripe = Math.floor((x + y) / 7) % 3;
    const colour = inside ? [250, 220, 10] : stripe === 0 ? [220, 20, 30] : stripe === 1 ? [20, 40, 220] : [20, 180, 60];
    raw.set(colour, 3 * (y * width + x));
  }
}
const found = [];
for (const chromaSubsampling of ["4:4:4", "4:2:0"]) {
  const file = await sharp(raw, { raw: { width, height, channels: 3 } }).jpeg({ quality: 95, chromaSubsampling }).toBuffer();
  const libjpeg = await sharp(file).removeAlpha().raw().toBuffer();
  const own = jpeg.decode(file, { useTArray: true, formatAsRGBA: false }).data;
  let [largest, many] = [0, 0];
  for (let i = 0; i < libjpeg.length; i++) {
    const difference = Math.abs(libjpeg[i] - own[i]);
    largest = Math.max(largest, difference);
    if (difference > 16) many++;
  }
  found.push(largest);
  const share = ((100 * many) / libjpeg.length).toFixed(1);
  console.log(`${chromaSubsampling}  largest difference ${largest} of 255 levels, ${share} % of values differ by more than 16`);
}
process.exit(found[0] <= 4 && found[1] > 60 ? 0 : 1);
JS
node compare.mjs
