/** A network as an ONNX file in IndexedDB: made the first time, read by every later visit. (With `#reload` it visits itself again.) */
/// <reference lib="dom" />
import { accuracy, cifarResNet, evaluate, exportOnnx, fit, importOnnx, Rng, SGD } from "../../src/index.ts"; // In your project: from "skipstone".
import { endlessShapes, NAMES, SIDE, shapes } from "../shapes.ts";

/** What a request of IndexedDB gives. */
async function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return await new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

const status = document.querySelector("#status")!;
const opening = indexedDB.open("skipstone-onnx", 1);
opening.onupgradeneeded = () => opening.result.createObjectStore("files");
const database = await resultOf(opening);
const files = (mode: IDBTransactionMode): IDBObjectStore => database.transaction("files", mode).objectStore("files");
document.querySelector("#forget")!.addEventListener("click", async () => {
  await resultOf(files("readwrite").delete("shapes.onnx"));
  location.reload();
});

let file: Uint8Array | undefined = await resultOf(files("readonly").get("shapes.onnx"));
const found = file !== undefined;
if (!file) {
  const rng = new Rng(7);
  const model = cifarResNet(8, { width: 4, inChannels: 1, classes: NAMES.length, rng });
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  await fit(model, {
    data: () => endlessShapes(16, rng),
    optimizer,
    steps: 100,
    onStep: async ({ step, loss }) => {
      status.textContent = `Learning: step ${step + 1} of 100, loss ${loss.toFixed(3)}`;
      await new Promise(requestAnimationFrame);
    },
  });
  file = exportOnnx(model, { inputShape: [1, SIDE, SIDE] });
  await resultOf(files("readwrite").put(file, "shapes.onnx"));
}

const { metrics } = await evaluate(importOnnx(file), [shapes(300, new Rng(9))], { metrics: { accuracy } });
status.textContent = `${found ? "Found" : "Made"} a file of ${file.length} bytes.`;
document.querySelector("#answers")!.textContent =
  `${(100 * metrics.accuracy).toFixed(1)} % of 300 shapes named rightly.`;
if (location.hash === "#reload" && !found) location.reload();
else document.body.dataset["state"] = "done";
