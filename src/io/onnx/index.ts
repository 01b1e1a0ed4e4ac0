/** Networks as ONNX models. */
export { OnnxExportError } from "./errors.ts";
export { exportOnnx, type OnnxExportOptions } from "./export.ts";
export type { OnnxAttribute } from "./graph.ts";
export { importOnnx, type OnnxImportOptions } from "./import/import.ts";
export type { OnnxBuilder, OnnxCall, OnnxName, OnnxOperator } from "./writer.ts";
