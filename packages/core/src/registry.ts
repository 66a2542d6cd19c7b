import type { Definition } from './contract.js'
import type { DiscoveryDefinition } from './discovery.js'
import type { DnsDefinition } from './dns.js'
import { CertctlError } from './errors.js'
import type { IssuerDefinition } from './issuer.js'
import type { NotifierDefinition } from './notifier.js'
import type { TargetDefinition } from './target.js'

/** A definition whose configuration type is its own business: the registry hands it only what its schema returned. */
// biome-ignore lint/suspicious/noExplicitAny: the configuration type is erased here and nowhere else
type Erased = any

export interface DefinitionsByKind {
  issuer: IssuerDefinition<Erased>
  target: TargetDefinition<Erased>
  notifier: NotifierDefinition<Erased>
  discovery: DiscoveryDefinition<Erased>
  dns: DnsDefinition<Erased>
}
export type ConnectorKind = keyof DefinitionsByKind
export const connectorKinds: readonly ConnectorKind[] = ['issuer', 'target', 'notifier', 'discovery', 'dns']

export interface Registered<K extends ConnectorKind = ConnectorKind> {
  kind: K
  definition: DefinitionsByKind[K]
  package: string
  version: string
}

export interface Registry {
  /** Throws `conflict` when another package already brought this kind and type, under either's alias. */
  add(entry: Registered): void
  find<K extends ConnectorKind>(kind: K, type: string): Registered<K> | undefined
  /** Throws `unsupported` with the types there are. */
  get<K extends ConnectorKind>(kind: K, type: string): Registered<K>
  list<K extends ConnectorKind>(kind: K): readonly Registered<K>[]
}

/** Types are compared without case and punctuation: `aws-acm-pca` and `AWSACMPCA` are one. */
export function looseType(type: string): string {
  return type.toLowerCase().replace(/[^a-z0-9]/g, '')
}

/** The type and the aliases of a definition, in loose form. */
export function looseTypesOf(
  definition: Pick<Definition<unknown, never, unknown, unknown>, 'type' | 'aliases'>,
): string[] {
  return [...new Set([definition.type, ...(definition.aliases ?? [])].map(looseType))]
}

/** Holds definitions by kind and type; refuses twins. */
export function createRegistry(): Registry {
  const byName = new Map<string, Registered>()
  const entries: Registered[] = []

  const find = <K extends ConnectorKind>(kind: K, type: string): Registered<K> | undefined =>
    byName.get(`${kind}:${looseType(type)}`) as Registered<K> | undefined

  return {
    add(entry) {
      const names = looseTypesOf(entry.definition).map((name) => `${entry.kind}:${name}`)
      const twin = names.map((name) => byName.get(name)).find((other) => other !== undefined)
      if (twin !== undefined)
        throw new CertctlError(
          'conflict',
          `Both ${twin.package} and ${entry.package} bring the ${entry.kind} ${entry.definition.type}; remove one of them`,
        )
      for (const name of names) byName.set(name, entry)
      entries.push(entry)
    },
    find,
    get(kind, type) {
      const found = find(kind, type)
      if (found !== undefined) return found
      const known = entries.filter((entry) => entry.kind === kind).map((entry) => entry.definition.type)
      throw new CertctlError(
        'unsupported',
        `There is no ${kind} connector "${type}" here; there are: ${known.join(', ') || 'none'}`,
      )
    },
    list: (kind) => entries.filter((entry) => entry.kind === kind) as never,
  }
}
