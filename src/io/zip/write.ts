/**
 * Writes zip archives as `torch.save` does: stored entries, each with its bytes at a multiple of 64, so that
 * `torch.load(mmap=True)` can map them. zip.ts describes the layout.
 */
import { ValueError } from "../../tensor/errors.ts";
import { encodeUtf8 } from "../utf8.ts";
import { crc32 } from "./crc32.ts";

export interface ZipItem {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const ALIGNMENT = 64;

/** The archive in pieces. Items are taken one at a time, so they can be made on demand. */
export function* zipChunks(items: Iterable<ZipItem>): Generator<Uint8Array> {
  const records: Uint8Array[] = [];
  let at = 0;
  for (const { name, bytes } of items) {
    const path = encodeUtf8(name);
    const common = commonFields(bytes);
    const unpadded = at + 30 + path.length + 4;
    const padding = (ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT;
    const local = new Uint8Array(30 + path.length + 4 + padding);
    const view = new DataView(local.buffer);
    view.setUint32(0, 0x04034b50, true);
    local.set(common, 4);
    view.setUint16(26, path.length, true);
    view.setUint16(28, 4 + padding, true);
    local.set(path, 30);
    // An extra field that readers skip: identifier "FB" (like PyTorch's padding), length, zeros.
    view.setUint16(30 + path.length, 0x4246, true);
    view.setUint16(32 + path.length, padding, true);
    records.push(directoryRecord(path, common, at));
    yield local;
    yield bytes;
    at += local.length + bytes.length;
    if (at > 0xfffffffe) throw new ValueError("pth: the file would be larger than 4 GiB: write safetensors instead");
  }
  if (records.length > 0xffff)
    throw new ValueError(
      `pth: ${records.length} entries, but a zip archive has at most 65535: write safetensors instead`,
    );
  const length = records.reduce((sum, record) => sum + record.length, 0);
  yield* records;
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, records.length, true);
  end.setUint16(10, records.length, true);
  end.setUint32(12, length, true);
  end.setUint32(16, at, true);
  yield new Uint8Array(end.buffer);
}

/** The common fields of a local header and a directory record: version, flags, method, time, checksum and two sizes. */
function commonFields(bytes: Uint8Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(22));
  view.setUint16(0, 20, true);
  view.setUint16(2, 0x0800, true); // names are UTF-8
  // 1 January 1980, the earliest possible date: the same weights give the same file.
  view.setUint16(8, (1 << 5) | 1, true);
  view.setUint32(10, crc32(bytes), true);
  view.setUint32(14, bytes.length, true);
  view.setUint32(18, bytes.length, true);
  return new Uint8Array(view.buffer);
}

function directoryRecord(path: Uint8Array, common: Uint8Array, header: number): Uint8Array {
  const record = new Uint8Array(46 + path.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(4, 20, true);
  record.set(common, 6);
  view.setUint16(28, path.length, true);
  view.setUint32(42, header, true);
  record.set(path, 46);
  return record;
}
