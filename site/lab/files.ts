/** Weights as files and back: a chunk of its own, which is loaded when someone saves or loads. */
import { exportOnnx, type ResNet, readSafetensors, writeSafetensors } from "skipstone";

/** The bytes of a file, and what to call it. */
export function save(
  model: ResNet,
  format: "safetensors" | "onnx",
  pixels: number,
): { bytes: Uint8Array<ArrayBuffer>; name: string } {
  const bytes =
    format === "onnx" ? exportOnnx(model, { inputShape: [1, pixels, pixels] }) : writeSafetensors(model.stateDict());
  return { bytes: Uint8Array.from(bytes), name: `skipstone-${model.depth}.${format}` };
}

/** @throws FormatError for bytes that are no safetensors file; StateError for weights of another network. */
export function load(model: ResNet, bytes: Uint8Array): void {
  model.loadStateDict(readSafetensors(bytes).stateDict());
}
