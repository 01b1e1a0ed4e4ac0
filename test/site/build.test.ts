/** Parts of the site's build that need no package of the site: links of documents, addresses, the table of blocks. */
import { expect, test } from "vitest";
import { rewriteLinks } from "../../site/build/links.ts";
import { relativeText, wayUp } from "../../site/build/relative.ts";
import { fileOf } from "../../site/build/serve.ts";

const kinds = { "docs/b.md": "page", "src/x.ts": "code", "src/flow": "folder" } as const;
const kindOf = (path: string) => (path in kinds ? kinds[path as keyof typeof kinds] : "none");

test("links to code lead to its page, links to documents and hosts stay", () => {
  const text = "[b](b.md#c) [x](../src/x.ts) [flow](../src/flow) [h](https://h.example)\n```\n[no](nothing)\n```\n";
  expect(rewriteLinks(text, "docs/a.md", kindOf)).toEqual({
    text: '[b](b.md#c) [x](../source/src/x.ts.html){target="_self"} [flow](../source/src/flow/index.html){target="_self"} [h](https://h.example)\n```\n[no](nothing)\n```\n',
    linked: ["src/x.ts", "src/flow"],
  });
  expect(() => rewriteLinks("[x](gone.md)", "docs/a.md", kindOf)).toThrow(
    "docs/a.md links to gone.md, which does not exist",
  );
});

test("the marker becomes the way up in pages and style sheets", () => {
  expect([wayUp("index.html"), wayUp("docs/a.html"), wayUp("a/b/c.css")]).toEqual(["./", "../", "../../"]);
  expect(relativeText("assets/a.css", "url(/M/assets/x.svg)", "/M/", () => ({}))).toBe("url(../assets/x.svg)");
  expect(relativeText("docs/a.html", '<a href="/M/b.html">', "/M/", () => ({}))).toBe('<a href="../b.html">');
});

test("in scripts it becomes what the page has found out, in strings and in templates", () => {
  const text = `f("/M/","/M/a",\`/M/\${b}\`)`;
  const nodes = [
    { type: "Literal", start: 2, end: 7, value: "/M/" },
    { type: "Literal", start: 8, end: 14, value: "/M/a" },
    { type: "TemplateElement", start: 16, end: 19 },
  ];
  const script = relativeText("a.js", text, "/M/", () => ({ nodes }));
  const run = (base: string): string[] =>
    new Function("f", "b", "globalThis", `return ${script}`)((...all: string[]) => all, "c", { __VP_BASE__: base });
  expect(run("/a/b/")).toEqual(["/a/b/", "/a/b/a", "/a/b/c"]);
});

test("the server means no file outside its folder", () => {
  expect(fileOf("site/", "/lab/../package.json", "/")).toBe("site/package.json");
  expect(fileOf("site/lab", "/%2e%2e/package.json", "/")).toBeUndefined();
  expect(fileOf("site/lab", "/..%2fpackage.json", "/")).toBeUndefined();
  expect(fileOf("site/", "/package.json", "/a/")).toBeUndefined();
});
