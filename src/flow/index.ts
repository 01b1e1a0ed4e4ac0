/** Gradient flow: instruments that take any network, return plain rows, and prove what the skip connections do. */
export {
  type BlockCertificate,
  type Certificate,
  certify,
  type NumericCheck,
  type ShortcutVerdict,
} from "./certificate.ts";
export { EFFECTS, type Effect, effectOf, gradientAlong, type PathStep, shortcutPath, worstEffect } from "./path.ts";
export { toCsv } from "./rows.ts";
export { type BlockShare, identityShares } from "./shares.ts";
export { type LayerStatistics, layerStatistics } from "./statistics.ts";
