/**
 * Which types the signatures of an entry's exports mention and nobody can import. Where types stand is read from the
 * declarations, which say all of theirs (`isolatedDeclarations`); what a name means, the compiler is asked.
 */
import { join, relative, sep } from "node:path";
import { ModifierFlags, type Node, type NodeArray, SyntaxKind } from "typescript/unstable/ast";
import { API, type Checker, type Symbol as Meaning, type Project, SymbolFlags } from "typescript/unstable/sync";

/** What a node may have of what is looked at here. */
interface Parts {
  readonly body?: Node;
  readonly initializer?: Node;
  readonly modifierFlags?: ModifierFlags;
  readonly name?: Node;
  readonly typeName?: Node;
  readonly expression?: Node;
  /** Of `extends` and `implements`. */
  readonly token?: SyntaxKind;
}

const TYPES = [SyntaxKind.ClassDeclaration, SyntaxKind.InterfaceDeclaration, SyntaxKind.TypeAliasDeclaration];
const FUNCTIONS = [SyntaxKind.ArrowFunction, SyntaxKind.FunctionExpression];

/** The names of types in a declaration as its user sees it: without bodies, initial values and private members. */
function typeNames(node: Node, found: Node[] = []): Node[] {
  const { body, initializer, modifierFlags = 0, name, typeName, expression } = node as Parts;
  if (name?.kind === SyntaxKind.PrivateIdentifier || modifierFlags & ModifierFlags.Private) return found;
  // What a class implements is not in its type.
  if ((node as Parts).token === SyntaxKind.ImplementsKeyword) return found;
  if (node.kind === SyntaxKind.TypeReference) found.push(typeName!);
  if (node.kind === SyntaxKind.ExpressionWithTypeArguments) found.push(expression!);
  const visit = (child: Node): void => {
    if (child === body || (child === initializer && !FUNCTIONS.includes(child.kind))) return;
    typeNames(child, found);
  };
  node.forEachChild(visit, (children: NodeArray<Node>) => children.forEach(visit));
  return found;
}

/** What a name means where it is declared, through all imports and exports. */
function declared(checker: Checker, name: Meaning): Meaning {
  return name.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(name) : name;
}

/** The exports of a file by name, those of `export * as name` as `name.member`. */
function exportsOf({ program, checker }: Project, path: string): Map<string, Meaning> {
  const found = new Map<string, Meaning>();
  const collect = (module: Meaning, prefix: string): void => {
    for (const exported of checker.getExportsOfModule(module)) {
      const meaning = declared(checker, exported);
      if (meaning.declarations[0].kind === SyntaxKind.SourceFile) collect(meaning, `${prefix}${exported.name}.`);
      else found.set(prefix + exported.name, meaning);
    }
  };
  collect(checker.getSymbolAtLocation(program.getSourceFile(path)!)!, "");
  return found;
}

/** What a user sees declared under a name: of a function with overloads not the one that implements them. */
function declarationsOf(meaning: Meaning, project: Project): Node[] {
  const all = meaning.declarations.map((handle) => handle.resolve(project)!);
  const overloads = all.filter((node) => node.kind === SyntaxKind.FunctionDeclaration && !(node as Parts).body);
  return overloads.length > 0 ? overloads : all;
}

/**
 * What is missing in each of `entries`, as lines `useIt: Hidden (hidden.ts)`: an export, a type of the project's own that its
 * signature mentions, and the file that declares it.
 *
 * @param root the folder of a tsconfig.json, and of all files that count as the project's own.
 * @param also an entry from which a type may be imported instead.
 */
export function unreachableTypes(root: string, entries: readonly string[], also: string): Map<string, string[]> {
  const api = new API({ cwd: root });
  try {
    const project = api.updateSnapshot({ openProjects: [join(root, "tsconfig.json")] }).getProjects()[0];
    const everywhere = [...exportsOf(project, join(root, also)).values()];
    return new Map(entries.map((entry) => [entry, missingIn(project, root, join(root, entry), everywhere)]));
  } finally {
    api.close();
  }
}

function missingIn(project: Project, root: string, entry: string, everywhere: readonly Meaning[]): string[] {
  const exported = exportsOf(project, entry);
  const reachable = new Set([...exported.values(), ...everywhere]);
  const missing = new Set<string>();
  for (const [name, meaning] of exported) {
    const mentioned = declarationsOf(meaning, project).flatMap((node) => typeNames(node));
    for (const found of project.checker.getSymbolAtLocation(mentioned)) {
      const type = found && declared(project.checker, found);
      const place = type?.declarations.find(({ kind }) => TYPES.includes(kind))?.path;
      const file = place && relative(root, place).split(sep).join("/");
      if (!file || file.startsWith("..") || file.startsWith("node_modules") || reachable.has(type)) continue;
      missing.add(`${name}: ${type.name} (${file})`);
    }
  }
  return [...missing].sort();
}
