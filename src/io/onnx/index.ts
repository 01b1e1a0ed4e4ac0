/** Networks as ONNX models. */
export { OnnxExportError } from "./errors.ts";
export { exportOnnx, type OnnxExportOptions } from "./export.ts";
export { importOnnx, type OnnxImportOptions } from "./import/import.ts";
