/**
 * Gradient flow: instruments that take any network, return plain rows, and prove the effect of the skip connections.
 */
export { type Anomaly, findAnomaly } from "./anomaly.ts";
export type { Measure } from "./arguments.ts";
export type {
  BlockCertificate,
  Certificate,
  CertifiedStep,
  Counterexample,
  NumericCheck,
  Passage,
  ShortcutVerdict,
  WholeWay,
} from "./certificate.ts";
export { certificateSchema } from "./certificate-schema.ts";
export { type SvgOptions, toSvg } from "./certificate-svg.ts";
export { formatCertificate } from "./certificate-text.ts";
export { type CertifyBetweenOptions, type CertifyOptions, certify, certifyBetween } from "./certify.ts";
export {
  type BlockDescription,
  describeNetwork,
  type NetworkDescription,
} from "./describe-network.ts";
export type { Draw } from "./draws.ts";
export { type LayerGates, readGates } from "./gates.ts";
export {
  type BlockSpectraOptions,
  type BlockSpectrumRow,
  blockSpectra,
  jacobian,
  jacobianSpectrum,
  type SpectrumOptions,
  type SpectrumRow,
} from "./jacobian.ts";
export { type LandscapeOptions, type LandscapeRow, landscape, landscapeSize } from "./landscape.ts";
export {
  type LesionOptions,
  type LesionRow,
  lesions,
  type ManyLesionsOptions,
  type ManyLesionsRow,
  manyLesions,
  type Target,
  withLesion,
} from "./lesions.ts";
export { type Effect, type PathStep, shortcutPath } from "./path.ts";
export {
  type PathCount,
  type PathGradientOptions,
  type PathLengthRow,
  pathDistribution,
  pathGradients,
} from "./path-lengths.ts";
export {
  type FlowMeasure,
  type FlowRecorder,
  type FlowRecorderOptions,
  type FlowRow,
  flowRecorder,
} from "./recorder.ts";
export type { RecordingOptions } from "./recording.ts";
export { type ReorderingOptions, type ReorderingRow, reorderings, withOrder } from "./reorderings.ts";
export { toCsv } from "./rows.ts";
export { saliency } from "./saliency.ts";
export { type ShareRecorder, type ShareRecorderOptions, type ShareRow, shareRecorder } from "./share-recorder.ts";
export { type BlockShare, identityShares, type NetworkShare, networkShare, type Share } from "./shares.ts";
export {
  type AutocorrelationRow,
  autocorrelation,
  type LineGradients,
  type LineOptions,
  lineGradients,
  type ShatteringOptions,
  shattering,
} from "./shattering.ts";
export { type SingularBounds, type SingularBoundsOptions, singularBounds } from "./singular-bounds.ts";
export type { Matrix } from "./singular-values.ts";
export {
  type BackwardStatistics,
  type ForwardStatistics,
  type LayerStatistics,
  layerStatistics,
} from "./statistics.ts";
export { flowVerdict, type Health, type LayerVerdict, type Verdict, type VerdictThresholds } from "./verdict.ts";
export type { Verification } from "./verification.ts";
export { verifyCertificate } from "./verify.ts";
