import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ConnectorKind, DefinitionsByKind, JsonValue } from '@certctl/core'

export type AnyDefinition = DefinitionsByKind[ConnectorKind]

/** A connector package of this workspace with what it defines. */
export interface ConnectorPackage {
  /** `packages/target-nginx` */
  folder: string
  name: string
  kind: ConnectorKind
  description: string
  definitions: readonly AnyDefinition[]
}

interface Manifest {
  name: string
  description?: string
  certctl?: { kind: ConnectorKind }
}

/** Found as the apps find them: by the mark in their manifest. Sorted by kind and name. */
export async function loadConnectors(root: string): Promise<ConnectorPackage[]> {
  const loaded: ConnectorPackage[] = []
  // One after the other: they share modules, which some loaders cannot link twice at once.
  for (const name of readdirSync(join(root, 'packages')).sort())
    loaded.push(...(await loadConnector(root, `packages/${name}`)))
  return loaded
}

async function loadConnector(root: string, folder: string): Promise<ConnectorPackage[]> {
  const manifest = readManifest(join(root, folder, 'package.json'))
  if (manifest?.certctl === undefined) return []
  const module: { default: AnyDefinition | AnyDefinition[] } = await import(
    pathToFileURL(join(root, folder, 'src', 'index.ts')).href
  )
  const { name, description = '', certctl } = manifest
  return [{ folder, name, kind: certctl.kind, description, definitions: [module.default].flat() }]
}

function readManifest(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** A JSON Schema as far as the pages show it. */
export interface Field {
  type?: string
  description?: string
  default?: JsonValue
  enum?: readonly JsonValue[]
  const?: JsonValue
  anyOf?: readonly Field[]
  items?: Field
  properties?: Readonly<Record<string, Field>>
  required?: readonly string[]
  minimum?: number
  maximum?: number
  'x-certctl'?: string
}
