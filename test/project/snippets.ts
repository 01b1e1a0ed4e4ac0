/**
 * The examples in the documentation, as programs.
 *
 * Found: every ```ts block of a Markdown file and every `@example` of a docstring. A snippet may leave out what a reader
 * does not miss: imports of names that the package exports, and the things of PRELUDE, which it may use as if they were
 * there. A comment that is a plain value is checked against the expression before it:
 *
 *   sum(x).item(); // 6                       an expression, alone, inside console.log, or as a const's value
 *   add(a, b); // throws ShapeError: add: …   must throw an error with this name and a message that starts so
 *
 * Numbers agree if they do in the digits that are written; a tensor counts as its nested arrays. Other comments are words.
 */
import { readFileSync } from "node:fs";

export interface Snippet {
  /** Where it stands: `README.md:12`. */
  readonly where: string;
  readonly code: string;
}

/** Things a snippet may use without declaring them, each as a statement. The first word after `const` is its name. */
export const PRELUDE: readonly string[] = [
  "const rng = new Rng(1);",
  "const model = cifarResNet(8, { width: 4, rng: new Rng(1) });",
  "const images = randn([4, 3, 12, 12], new Rng(2));",
  "const labels = Int32Array.of(3, 1, 4, 1);",
  "const loss = crossEntropy(model.forward(images), labels);",
  "const optimizer = new SGD(model.parameters(), { lr: 0.1 });",
  "const data = () => [{ x: images, labels }];",
  "const train = makeDataset({ name: 'noise', images: images.data as Float32Array, labels, shape: [4, 3, 12, 12], classes: [...'0123456789'] });",
];

/** Every ```ts block of a Markdown text; blocks marked ```ts continued are one program with the block before them. */
export function markdownSnippets(path: string, text: string = readFileSync(path, "utf8")): Snippet[] {
  const snippets: Snippet[] = [];
  for (const { index, 1: continued, 2: code } of text.matchAll(/^```ts( continued)?\n(.*?)^```/gms)) {
    const last = snippets.at(-1);
    if (continued && last) {
      snippets[snippets.length - 1] = { where: last.where, code: last.code + code };
      continue;
    }
    const line = text.slice(0, index).split("\n").length + 1;
    snippets.push({ where: `${path}:${line}`, code });
  }
  return snippets;
}

/** Every `@example` of a source file's docstrings: from the tag to the next tag or the end of the comment. */
export function docstringSnippets(path: string, text: string = readFileSync(path, "utf8")): Snippet[] {
  const snippets: Snippet[] = [];
  for (const comment of text.matchAll(/\/\*\*.*?\*\//gs)) {
    const lines = comment[0].replace(/\*\/$/, "").split("\n");
    const first = text.slice(0, comment.index).split("\n").length;
    lines.forEach((start, i) => {
      if (!/^\s*(\/\*)?\*+ @example\b/.test(start)) return;
      const end = lines.findIndex((line, j) => j > i && /^\s*\* @\w/.test(line));
      const code = lines
        .slice(i + 1, end === -1 ? undefined : end)
        .map((line) => line.replace(/^\s*\* ?/, ""))
        .filter((line) => !line.startsWith("```"));
      snippets.push({ where: `${path}:${first + i + 1}`, code: `${code.join("\n").trimEnd()}\n` });
    });
  }
  return snippets;
}

/** The value of a comment that is one: a number, string, boolean, null, undefined or (nested) array of them. */
export function literalOf(text: string): { value: unknown; digits: number } | undefined {
  const trimmed = text.trim();
  if (trimmed === "undefined") return { value: undefined, digits: 0 };
  try {
    const digits = Math.max(0, ...[...trimmed.matchAll(/\.(\d+)/g)].map(([, fraction]) => fraction.length));
    return {
      value: JSON.parse(trimmed.replaceAll(/"[^"]*"|(\d)\.(?!\d)/g, (all, digit?: string) => digit ?? all)),
      digits,
    };
  } catch {
    return undefined;
  }
}

export interface Program {
  /** A TypeScript module that exports `run(check)`. */
  readonly code: string;
  /** Number of comments that are checked. */
  readonly checks: number;
}

/**
 * The module that runs a snippet.
 *
 * @param exported names that `entry` exports; those the snippet uses are imported.
 * @param entry what `skipstone` stands for; `skipstone/nn` is the `nn/index.ts` beside it.
 */
export function programOf(snippet: Snippet, exported: ReadonlySet<string>, entry: string): Program {
  const imports: string[] = [];
  const body = snippet.code.replaceAll(/^import\s[^;]*?from\s+"([^"]+)";?\n/gm, (statement, from: string) => {
    const layer = /^skipstone(?:\/(\w+))?$/.exec(from);
    const path = layer?.[1] ? entry.replace(/index\.ts$/, `${layer[1]}/index.ts`) : entry;
    // A path that is right in docs/ is to be right in build/snippets/.
    imports.push(layer ? statement.replace(`"${from}"`, `"${path}"`) : statement.replace('"../src/', '"../../src/'));
    return "";
  });

  let checks = 0;
  const lines = body.split("\n").map((line) => {
    const match = /^(\s*)(?:const (\w+)(?:: [^=]+)? = )?(.+?);\s*\/\/ (.+)$/.exec(line);
    if (!match) return line;
    const [, indent, name, expression, comment] = match;
    if (!balanced(expression)) return line;
    const value = /^console\.log\((.+)\)$/.exec(expression)?.[1] ?? expression;
    const thrown = /^throws (\w+): (.+)$/.exec(comment);
    if (thrown) {
      checks++;
      return `${indent}await check.throws(() => ${expression}, ${JSON.stringify(thrown[1])}, ${JSON.stringify(thrown[2])});`;
    }
    if (!literalOf(comment) || /^(return|if|for|while|throw|let)\b/.test(expression)) return line;
    checks++;
    const test = `check.value(${name ?? value}, ${JSON.stringify(comment.trim())});`;
    return name ? `${indent}const ${name} = ${expression}; ${test}` : `${indent}${test}`;
  });

  const imported = imports.join("\n");
  const declares = (name: string): boolean =>
    new RegExp(`\\b(const|let|class|function) (\\{[^}=]*|\\[[^\\]=]*)?\\b${name}\\b`).test(body) ||
    new RegExp(`\\b${name}\\b`).test(imported);
  const uses = (code: string, name: string): boolean => new RegExp(`(?<![.\\w])${name}\\b(?!:)`).test(code);

  // The snippet's own names hide the prelude's; what the prelude itself builds on comes from the prelude.
  const own = body.replaceAll(/\/\/ .*$/gm, "");
  const needed = PRELUDE.filter((statement) => uses(own, nameOf(statement)) && !declares(nameOf(statement)));
  for (const statement of needed) {
    needed.push(...PRELUDE.filter((other) => uses(statement, nameOf(other)) && !needed.includes(other)));
  }
  const prelude = PRELUDE.filter((statement) => needed.includes(statement));
  const text = [own, ...prelude].join("\n");
  const injected = [...exported]
    .filter((name) => uses(text, name) && !new RegExp(`\\b${name}\\b`).test(imported))
    .sort();
  return {
    checks,
    code: `// ${snippet.where}
${imported}
${injected.length > 0 ? `import { ${injected.join(", ")} } from "${entry}";` : ""}
import type { Check } from "../../test/project/snippets.ts";
${prelude.join("\n")}
export async function run(check: Check): Promise<void> {
${lines.join("\n")}
void check;
}
`,
  };
}

function nameOf(statement: string): string {
  return statement.split(" ")[1];
}

/** Whether every bracket that opens in `code` closes there: a line that ends a longer statement is not one expression. */
function balanced(code: string): boolean {
  let depth = 0;
  for (const character of code) {
    if ("([{".includes(character)) depth++;
    if (")]}".includes(character) && --depth < 0) return false;
  }
  return depth === 0;
}

/** What a snippet's comments are checked with. */
export interface Check {
  value(got: unknown, comment: string): void;
  throws(fn: () => unknown, name: string, message: string): Promise<void>;
}
