/**
 * CRC-32 as in zip (ISO 3309): the bytes, read as a polynomial over GF(2), modulo x³² + x²⁶ + … + 1. Four bytes a step
 * by four tables (Kounavis & Berry 2005, "slicing by 4"). The bytes' order is the stream's, so it does not depend on
 * the machine.
 */

/** tables[256·k + b]: the remainder of byte b followed by k zero bytes. */
const tables: Int32Array = /* @__PURE__ */ makeTables();

function makeTables(): Int32Array {
  const made = new Int32Array(4 * 256);
  for (let b = 0; b < 256; b++) {
    let remainder = b;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
    made[b] = remainder;
  }
  for (let i = 256; i < made.length; i++) made[i] = (made[i - 256] >>> 8) ^ made[made[i - 256] & 0xff];
  return made;
}

/** The checksum of `bytes`, from 0 to 2³² − 1. */
export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  let i = 0;
  for (const end = bytes.length - 3; i < end; i += 4) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc =
      tables[768 + (crc & 0xff)] ^
      tables[512 + ((crc >>> 8) & 0xff)] ^
      tables[256 + ((crc >>> 16) & 0xff)] ^
      tables[crc >>> 24];
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[i]) & 0xff];
  return ~crc >>> 0;
}
