import type { Tx } from '../../store/store.js'
import { fieldFault } from '../field-fault.js'

type Finder = (tx: Tx, id: string) => Promise<unknown>

/** What a field may name: its word, the CLI's word, and how to look, keeping it from being removed meanwhile. */
const kinds = {
  owner: { command: 'owners', find: async (tx, id) => await tx.owners.lockForShare(id) },
  team: { command: 'teams', find: async (tx, id) => await tx.teams.lockForShare(id) },
  profile: { command: 'profiles', find: async (tx, id) => await tx.profiles.lockForShare(id) },
  'renewal policy': { command: 'renewal-policies', find: async (tx, id) => await tx.renewalPolicies.lockForShare(id) },
  issuer: { command: 'issuers', find: async (tx, id) => await tx.connections.get('issuer', id) },
  agent: { command: 'agents', find: async (tx, id) => await tx.agents.get(id) },
} satisfies Record<string, { command: string; find: Finder }>

export interface Reference {
  field: string
  kind: keyof typeof kinds
  /** Nothing to look for where it is absent or empty. */
  id: unknown
}

/** Throws a fault of the field that names what is not there. */
export async function requireReference(tx: Tx, { field, kind, id }: Reference): Promise<void> {
  if (typeof id !== 'string' || id === '') return
  const { command, find } = kinds[kind]
  if ((await find(tx, id)) === undefined)
    throw fieldFault(field, `there is no ${kind} "${id}"; list them with: certctl ${command} list`)
}

/** For a field that names several; those in `known` were there before and are not asked for again. */
export async function requireReferences(
  tx: Tx,
  {
    field,
    kind,
    ids,
    known = [],
  }: { field: string; kind: Reference['kind']; ids: unknown; known?: readonly string[] | undefined },
): Promise<void> {
  if (!Array.isArray(ids)) return
  for (const [index, id] of ids.entries())
    if (!known.includes(id)) await requireReference(tx, { field: `${field}.${index}`, kind, id })
}
