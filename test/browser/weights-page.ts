/** The page's program: loads weights in every way a browser has, and says what came in and what goes out. Bundled by weights.test.ts. */
import { cifarResNet, exportOnnx, loadWeights, openWeights, Rng, writePth, writeSafetensors } from "../../src/index.ts";
import { checksum, checksumOf } from "./checksum.ts";

interface Blob {
  readonly size: number;
  slice(start: number, end: number): Blob;
  arrayBuffer(): Promise<ArrayBuffer>;
}
interface Response {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<Blob>;
}
declare const document: { body: { dataset: Record<string, string> } };
declare function fetch(path: string): Promise<Response>;

const results: Record<string, number> = {};
for (const file of ["weights.safetensors", "weights.pth"]) {
  results[`${file} by fetch`] = checksumOf(await loadWeights(await fetch(file)));
  const blob = await (await fetch(file)).blob();
  results[`${file} as Blob`] = checksumOf(await loadWeights(blob));
  results[`${file} as ArrayBuffer`] = checksumOf(await loadWeights(await blob.arrayBuffer()));
  const lazy = await openWeights(blob);
  results[`${file}, one tensor`] = checksumOf({ "fc.weight": await lazy.tensor("fc.weight") });
}
const model = cifarResNet(8, { width: 4, rng: new Rng(0) });
model.loadStateDict(await loadWeights(await fetch("weights.pth")));
results["safetensors out"] = checksum(writeSafetensors(model.stateDict()));
results["pth out"] = checksum(writePth(model.stateDict()));
results["onnx out"] = checksum(exportOnnx(model, { inputShape: [3, 16, 16] }));
document.body.dataset["results"] = JSON.stringify(results);
document.body.dataset["missing"] = await loadWeights(await fetch("nothing.pth")).then(
  () => "loaded",
  (error: Error) => `${error.name}: ${error.message}`,
);
document.body.dataset["state"] = "done";
