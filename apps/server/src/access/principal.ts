import type { Role } from '@certctl/api'
import type { Actor } from '../store/audit-entry.js'

/** Who asks. `public` proved nothing and reaches public routes only. */
export type Principal =
  | { kind: 'key'; id: string; name: string; role: Exclude<Role, 'agent'>; expiresAt?: Date | undefined }
  | { kind: 'agent'; id: string; name: string }
  | { kind: 'public' }

export const publicPrincipal: Principal = { kind: 'public' }

/** How the record names it. */
export function actorOf(principal: Principal): Actor {
  if (principal.kind === 'public') return { type: 'System', id: 'public', name: 'nobody known' }
  return { type: principal.kind === 'agent' ? 'Agent' : 'User', id: principal.id, name: principal.name }
}

/** What the server itself does, on a schedule or at start. */
export const systemActor: Actor = { type: 'System', id: 'certctl', name: 'certctl' }
