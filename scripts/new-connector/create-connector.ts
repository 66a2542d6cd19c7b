import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { standAloneManifest, standAloneTsconfig, type TemplateKind, workspaceManifest } from './manifest.js'
import { type ConnectorNames, namesOf } from './names.js'

export const templateKinds: readonly TemplateKind[] = ['issuer', 'target', 'notifier']

export interface NewConnector {
  root: string
  kind: TemplateKind
  type: string
  /** A folder outside of the workspace for a package that stands alone. */
  out?: string | undefined
}

/** Copies the template of a kind under a new name. Returns the folder; throws where there is something in it already. */
export function createConnector({ root, kind, type, out }: NewConnector): string {
  const names = namesOf(type)
  const folder = out ?? join(root, 'packages', `${kind}-${names.slug}`)
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new Error(`${folder} is not empty; choose another name or folder`)
  const options = { kind, names, versions: versionsIn(root) }
  const manifest = out === undefined ? workspaceManifest(options) : standAloneManifest(options)
  const name = (manifest as { name: string }).name

  write(join(folder, 'package.json'), json(manifest))
  if (out !== undefined) write(join(folder, 'tsconfig.json'), json(standAloneTsconfig))
  const template = join(root, 'templates', kind)
  for (const path of filesBelow(template)) {
    const text = readFileSync(join(template, path), 'utf8')
      .replaceAll('@@RUNNER@@', out === undefined ? '@jest/globals' : 'node:test')
      .replaceAll('@@PACKAGE@@', name)
    write(join(folder, renamed(path, names)), renamed(text, names))
  }
  return folder
}

/** The template's own name in each of its spellings; host names of the model are left alone. */
function renamed(text: string, { type, slug, pascal, camel, constant }: ConnectorNames): string {
  return text
    .replace(/(type|displayName): 'Example'/g, `$1: '${type}'`)
    .replace(/\bfakeExample\b/g, `fake${pascal}`)
    .replace(/\bEXAMPLE\b|(?<=_)EXAMPLE(?=_)/g, constant)
    .replace(/^import example\b/gm, `import ${camel}`)
    .replace(/definition: example\b/g, `definition: ${camel}`)
    .replace(/\bExample\b/g, type)
    .replace(/\bexample\b(?!\.net)/g, slug)
}

function versionsIn(root: string) {
  const versionOf = (name: string) =>
    (JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as { version: string }).version
  const catalog = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')
  const catalogued = (name: string) => new RegExp(`^ {2}'?${name}'?: (\\S+)$`, 'm').exec(catalog)?.[1] ?? '*'
  return {
    core: versionOf('core'),
    kit: versionOf('kit'),
    testing: versionOf('testing'),
    typescript: catalogued('typescript'),
    nodeTypes: catalogued('@types/node'),
  }
}

function filesBelow(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const path = join(prefix, entry.name)
    return entry.isDirectory() ? filesBelow(folder, path) : [path]
  })
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
