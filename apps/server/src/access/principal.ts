import type { Role } from '@certctl/api'
import type { Actor } from '../store/audit-entry.js'
import { keyAsPerson, personText } from './person-text.js'

/** Who asks. `public` proved nothing and reaches public routes only. */
export type Principal =
  | {
      kind: 'key'
      id: string
      name: string
      role: Exclude<Role, 'agent'>
      /** The person who answers for it, as it was written down. */
      owner?: string | undefined
      expiresAt?: Date | undefined
    }
  | { kind: 'agent'; id: string; name: string }
  | { kind: 'public' }

/** One that proved who it is. */
export type KnownPrincipal = Exclude<Principal, { kind: 'public' }>

export const publicPrincipal: Principal = { kind: 'public' }

/** Whoever has the token that registers agents: any number of hosts. */
export const bootstrapPrincipal: KnownPrincipal = {
  kind: 'key',
  id: 'agent-bootstrap-token',
  name: 'agent bootstrap token',
  role: 'operator',
}

/** How the record names it. */
export function actorOf(principal: Principal): Actor {
  if (principal.kind === 'public') return { type: 'System', id: 'public', name: 'nobody known' }
  const { kind, id, name } = principal
  return kind === 'agent' ? { type: 'Agent', id, name } : { type: 'User', id, name, person: personOf(principal) }
}

/** Two keys of one owner are one person, however the owner is written; a key without an owner is a person of its own. */
function personOf({ id, owner = '' }: Extract<Principal, { kind: 'key' }>): string {
  const text = personText(owner)
  return text === '' ? keyAsPerson(id) : text
}

/** What the server itself does, on a schedule or at start. */
export const systemActor: Actor = { type: 'System', id: 'certctl', name: 'certctl' }
