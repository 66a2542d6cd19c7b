import { posix } from 'node:path'
import ts from 'typescript'

export interface Import {
  /** A package, with the path in it, as written. */
  specifier: string
  /** For relative imports: the file meant, from the root, without extension. */
  path: string | undefined
  /** Gone when the program runs. */
  typeOnly: boolean
  line: number
}
export interface Fact {
  /** `process.env`, `Date.now()`, `new Date()`, `new Date(…)`. */
  text: string
  line: number
}

/** What a source file does, as far as the rules ask. */
export interface SourceFacts {
  /** From the root, with slashes. */
  path: string
  imports: readonly Import[]
  /** `a.b` */
  accesses: readonly Fact[]
  /** `f()` and `new F()`, with `…` for arguments where there are any. */
  calls: readonly Fact[]
  /** Array literals and properties that smell of a shell. */
  shells: readonly Fact[]
  names: readonly Fact[]
}

/** Reads a file once; comments and strings are not mistaken for code. */
export function readFacts(path: string, text: string): SourceFacts {
  const source = ts.createSourceFile(
    path,
    text,
    ts.ScriptTarget.Latest,
    true,
    path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
  )
  const facts = {
    path,
    imports: [] as Import[],
    accesses: [] as Fact[],
    calls: [] as Fact[],
    shells: [] as Fact[],
    names: [] as Fact[],
  }
  const lineOf = (node: ts.Node): number => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1

  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node)
    if (specifier !== undefined)
      facts.imports.push({ specifier, path: resolved(path, specifier), typeOnly: isTypeOnly(node), line: lineOf(node) })
    const access = ts.isPropertyAccessExpression(node) ? nameText(node) : undefined
    if (access !== undefined) facts.accesses.push({ text: access, line: lineOf(node) })
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const call = callText(node)
      if (call !== undefined) facts.calls.push({ text: call, line: lineOf(node) })
    }
    if (isShell(node)) facts.shells.push({ text: node.getText(source).slice(0, 60), line: lineOf(node) })
    if (ts.isIdentifier(node) || (ts.isStringLiteral(node) && ts.isPropertyAssignment(node.parent)))
      facts.names.push({ text: node.text, line: lineOf(node) })
    ts.forEachChild(node, visit)
  }
  visit(source)
  return facts
}

function specifierOf(node: ts.Node): string | undefined {
  if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined)
    return ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : undefined
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal))
    return node.argument.literal.text
  if (!ts.isCallExpression(node)) return undefined
  const [first] = node.arguments
  const loads =
    node.expression.kind === ts.SyntaxKind.ImportKeyword ||
    ['require', 'require.resolve'].includes(node.expression.getText())
  return loads && first !== undefined && ts.isStringLiteralLike(first) ? first.text : undefined
}

function resolved(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.normalize(posix.join(posix.dirname(from), specifier)).replace(/\.(js|ts|tsx|json)$/, '')
}

function isTypeOnly(node: ts.Node): boolean {
  if (ts.isImportDeclaration(node)) return node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
  return ts.isImportTypeNode(node) || (ts.isExportDeclaration(node) && node.isTypeOnly)
}

function callText(node: ts.CallExpression | ts.NewExpression): string | undefined {
  const callee = nameText(node.expression)
  if (callee === undefined) return undefined
  const given = (node.arguments?.length ?? 0) === 0 ? '' : '…'
  return `${ts.isNewExpression(node) ? 'new ' : ''}${callee}(${given})`
}

/** `a` or `a.b`; longer paths begin with one of these, which is seen for itself. */
function nameText(node: ts.Expression): string | undefined {
  if (ts.isIdentifier(node)) return node.text
  if (!ts.isPropertyAccessExpression(node) || !ts.isIdentifier(node.expression)) return undefined
  return `${node.expression.text}.${node.name.text}`
}

const shellName = /^(?:.*[\\/])?(?:sh|bash|dash|zsh|ksh|cmd|cmd\.exe)$/
const shellFlag = /^(?:-[a-z]*c|\/c)$/

function isShell(node: ts.Node): boolean {
  if (ts.isPropertyAssignment(node) && node.name.getText() === 'shell')
    return node.initializer.kind !== ts.SyntaxKind.FalseKeyword
  if (!ts.isArrayLiteralExpression(node) && !ts.isCallExpression(node)) return false
  const list = ts.isCallExpression(node) ? node.arguments : node.elements
  // A vector inside a call is looked at for itself.
  if (ts.isCallExpression(node) && !list.some((part) => ts.isStringLiteralLike(part) && shellName.test(part.text)))
    return false
  const texts = list.flatMap((part) => [part, ...(ts.isArrayLiteralExpression(part) ? part.elements : [])])
  const words = texts.filter((part) => ts.isStringLiteralLike(part)).map((part) => (part as ts.StringLiteralLike).text)
  return words.some((word, at) => shellName.test(word) && words.slice(at + 1).some((other) => shellFlag.test(other)))
}
