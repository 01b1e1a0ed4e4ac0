// A service: HTTP in front, the same network in each of two worker threads behind it. Here it asks itself twenty questions at once,
// and compares the answers with those of the network on this thread.
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { cifarResNet, noGrad, Rng, randn, softmax, tensor } from "../../src/index.ts";

const model = cifarResNet(8, { width: 4, inChannels: 1, classes: 3, rng: new Rng(0) }).eval();
const answer = (question: string) => {
  const pixels: number[] = JSON.parse(question);
  return noGrad(() => JSON.stringify(softmax(model.forward(tensor(pixels, [1, 1, 8, 8])), 1)));
};

if (parentPort) {
  const port = parentPort;
  model.loadStateDict(workerData);
  port.on("message", (question) => port.postMessage(answer(question)));
} else {
  const workers = [0, 1].map(() => new Worker(new URL(import.meta.url), { workerData: model.stateDict() }));
  const last = workers.map(() => Promise.resolve([""]));
  let asked = 0;
  const ask = (question: string) => {
    const i = asked++ % workers.length;
    last[i] = last[i].then(() => workers[i].postMessage(question)).then(() => once(workers[i], "message"));
    return last[i];
  };
  const server = createServer(async (request, response) => {
    response.end((await ask(await text(request)))[0]);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = Object(server.address());
  const questions = Array.from({ length: 20 }, (_, i) => JSON.stringify(randn([64], new Rng(i)).toArray()));
  const post = (body: string) => fetch(`http://127.0.0.1:${port}`, { method: "POST", body });
  const answers = await Promise.all(questions.map((body) => post(body).then((response) => response.text())));
  const right = answers.filter((said, i) => said === answer(questions[i]));
  console.log(`${right.length} of 20 answers are those of this thread's network, to the bit`);
  server.close();
  for (const worker of workers) await worker.terminate();
}
