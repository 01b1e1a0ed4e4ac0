/** Networks as ONNX models. */
export { OnnxExportError } from "./errors.ts";
export { exportOnnx, type OnnxExportOptions } from "./export.ts";
