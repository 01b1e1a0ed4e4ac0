/** The colours of viridis (Smith & van der Walt, 2015; CC0): even steps to the eye, and in grey. */

/** Sixteen of matplotlib's 256 colours, from 0 to 1. */
const COLORS = [
  0x440154, 0x481a6c, 0x472f7d, 0x414487, 0x39568c, 0x31688e, 0x2a788e, 0x23888e, 0x1f988b, 0x22a884, 0x35b779,
  0x54c568, 0x7ad151, 0xa5db36, 0xd2e21b, 0xfde725,
];

/** Writes the colour of `part`, held to 0 … 1, as four bytes. */
export function viridis(part: number, data: Uint8ClampedArray, at: number): void {
  const place = Math.max(0, Math.min(1, part)) * (COLORS.length - 1);
  const from = Math.min(COLORS.length - 2, Math.floor(place));
  const [low, high] = [COLORS[from]!, COLORS[from + 1]!];
  const share = place - from;
  for (let channel = 0; channel < 3; channel++) {
    const shift = 16 - 8 * channel;
    const [a, b] = [(low >> shift) & 255, (high >> shift) & 255];
    data[at + channel] = a + share * (b - a);
  }
  data[at + 3] = 255;
}
