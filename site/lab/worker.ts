/** The program of a worker: it trains one network, and waits one turn of its event loop after each step. */
import type { ToWorker } from "./protocol.ts";
import { serve } from "./serve.ts";

/** A message to itself comes after those that wait; a timer would be held to 4 ms by the browser, which costs a fifth. */
const { port1, port2 } = new MessageChannel();
let resume = (): void => {};
port1.onmessage = () => resume();

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    resume = resolve;
    port2.postMessage(null);
  });

const server = serve((message, transfer = []) => self.postMessage(message, { transfer }), turn);
self.onmessage = ({ data }: MessageEvent<ToWorker>) => server.receive(data);
