import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'
import type { KnownPrincipal } from './principal.js'
import { hashToken } from './token.js'

/** Turns a bearer token into who that is. */
export interface Authenticator {
  /**
   * Throws `unauthenticated`, or `gone` for an agent that was retired. `beforeStranger` may refuse a token that did not prove itself
   * before, which costs the database a look.
   */
  authenticate(token: string, beforeStranger?: () => Promise<void>): Promise<KnownPrincipal>
  /** Writes down when API keys were last used. */
  flush(): Promise<void>
  close(): void
}

interface Known {
  principal: KnownPrincipal
  until: number
}

/** How long a lookup is believed where no copy of the server said that it changed. */
const believedMs = 10_000
const remembered = 20_000

/** Remembers lookups; forgets one as soon as any copy of the server revokes the key or retires the agent. */
export function createAuthenticator(services: Services): Authenticator {
  const { clock, wakes } = services
  const known = new Map<string, Known>()
  const used = new Set<string>()
  /** Of each look-up under way, who changed meanwhile. */
  const underWay = new Set<Set<string>>()
  const forget = (id: string): void => {
    for (const changed of underWay) changed.add(id)
    for (const [hash, { principal }] of known) if (principal.id === id) known.delete(hash)
  }
  const offs = [
    wakes.on('settings', (subject) => forget(subject.replace(/^api-key /, ''))),
    wakes.on('agent', (subject) => forget(subject)),
  ]

  async function lookUp(hash: Buffer, now: Date): Promise<Known['principal']> {
    const changed = new Set<string>()
    underWay.add(changed)
    try {
      const principal = await look(services, hash, now)
      // A key that was revoked while it was looked up is not remembered.
      if (!changed.has(principal.id)) keep(known, hash, { principal, until: believedUntil(principal, now) })
      return principal
    } finally {
      underWay.delete(changed)
    }
  }

  return {
    async authenticate(token, beforeStranger) {
      const hash = hashToken(token)
      const now = clock.now()
      const remembering = known.get(hash.toString('base64'))
      const isBelieved = remembering !== undefined && remembering.until > now.getTime()
      if (remembering === undefined) await beforeStranger?.()
      // One that fails is a stranger from then on.
      if (!isBelieved) known.delete(hash.toString('base64'))
      const principal = isBelieved ? remembering.principal : await lookUp(hash, now)
      if (principal.kind === 'key') used.add(principal.id)
      return principal
    },
    async flush() {
      const ids = [...used]
      used.clear()
      try {
        await services.store.apiKeys.markUsed(ids, clock.now())
      } catch (error) {
        for (const id of ids) used.add(id)
        throw error
      }
    },
    close: () => {
      for (const off of offs) off()
    },
  }
}

function keep(known: Map<string, Known>, hash: Buffer, entry: Known): void {
  const oldest = known.keys().next()
  if (known.size >= remembered && oldest.done !== true) known.delete(oldest.value)
  known.set(hash.toString('base64'), entry)
}

function believedUntil(principal: Known['principal'], now: Date): number {
  const end = now.getTime() + believedMs
  return principal.kind === 'key' && principal.expiresAt !== undefined
    ? Math.min(end, principal.expiresAt.getTime())
    : end
}

async function look({ store }: Services, hash: Buffer, now: Date): Promise<Known['principal']> {
  const key = await store.apiKeys.findByHash(hash)
  if (key !== undefined) {
    if (key.revoked_at !== null) throw invalidKey()
    if (key.expires_at !== null && key.expires_at <= now)
      throw new CertctlError('unauthenticated', `The API key "${key.name}" has expired; ask for another one`)
    return {
      kind: 'key',
      id: key.id,
      name: key.name,
      role: key.role,
      owner: key.owner ?? undefined,
      expiresAt: key.expires_at ?? undefined,
    }
  }
  const agent = await store.agents.findByKeyHash(hash)
  if (agent === undefined) throw invalidKey()
  if (agent.retired_at !== null) throw new CertctlError('gone', `The agent "${agent.name}" was retired`)
  if (agent.key_used_at === null) await recordFirstUse(store, agent.id)
  return { kind: 'agent', id: agent.id, name: agent.name }
}

/** From here on the token the agent joined with is spent: until now a lost answer could be asked for again. */
async function recordFirstUse(store: Services['store'], agentId: string): Promise<void> {
  await store.transaction(async (tx) => {
    if (await tx.agents.markKeyUsed(agentId, tx.now)) await tx.joinTokens.markUsed(agentId, tx.now)
  })
}

function invalidKey(): CertctlError {
  return new CertctlError('unauthenticated', 'Invalid API key')
}
