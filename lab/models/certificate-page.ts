/** The files of `certify`: JSON, picture, page. */
import { counterexampleText, toSvg } from "../../src/flow/certificate-svg.ts";
import { callName } from "../../src/flow/certificate-text.ts";
import type { BlockCertificate } from "../../src/flow/index.ts";
import { definitions, escapeHtml, figureSection, page, table } from "../page/html.ts";
import { percent, significant } from "../report/format.ts";
import type { CertificateFile } from "./certify.ts";

/** By name. */
export function certificateFiles(file: CertificateFile): Map<string, string> {
  return new Map([
    ["certificate.html", certificatePage(file)],
    ["certificate.svg", `<?xml version="1.0" encoding="UTF-8"?>\n${toSvg(file.certificate)}\n`],
    ["certificate.json", `${JSON.stringify(file, null, 1)}\n`],
  ]);
}

function certificatePage(file: CertificateFile): string {
  const { certificate, network, version, weights } = file;
  const { summary, blocks, holds } = certificate;
  const [wide, narrow] = [880, 358].map((width) => toSvg(certificate, { width }));
  const caption =
    "Each block from the input on: what the shortcut, without any part that has weights, does to the gradient from the output.";
  const title = `Certificate: ${network}`;
  return page(
    title,
    `<header>
<p class="eyebrow">Skipstone ${escapeHtml(version)} · certify</p>
<h1>${escapeHtml(title)}</h1>
<p class="${holds ? "finding" : "lede"}">${escapeHtml(summary)}</p>
</header>
${figureSection("network", "What passes", { wide, narrow, file: wide }, caption)}
<section><h2>Block by block</h2>
${table(["Block", "Verdict", "Factor", "Open", "Gain", "Why"], blocks.map(row))}
<p>Factor: what every passing entry is multiplied by; empty where it is not one number. Open: the share of the entries of ∂L/∂y that arrive at x. Gain: the length of a random gradient at x, relative to its length at y.</p></section>
<section><h2>How it was made</h2>
${definitions([
  ["Network", [network, file.order, file.shortcut].filter(Boolean).join(", ")],
  ["Weights", weights ?? `random, seed ${file.seed}`],
  ["Checksum of the weights", certificate.weights],
  ["Images", `random, ${file.batch} × ${file.input.join("×")}, seed ${file.seed}`],
  ["Checksum of the images", certificate.input],
  ["Mode", certificate.mode],
])}</section>
<footer><p>Beside this file: the picture as certificate.svg, everything as certificate.json. To check it: <code>npm run lab -- certify --verify certificate.json</code>.</p></footer>`,
  );
}

function row(certificate: BlockCertificate): string[] {
  const { verdict, factor, open, gain, reason, counterexample } = certificate;
  const example = counterexample ? ` ${counterexampleText(counterexample, certificate)}` : "";
  return [
    callName(certificate),
    verdict,
    factor === null ? "" : significant(factor),
    open === null ? "" : percent(open, 0),
    significant(gain),
    `${reason}.${example}`,
  ];
}
