import { timingSafeEqual } from 'node:crypto'
import { allows, type Operation } from '@certctl/api'
import { CertctlError, type Secret } from '@certctl/core'
import type { Authenticator } from '../access/authenticator.js'
import { bootstrapPrincipal, type KnownPrincipal, type Principal } from '../access/principal.js'
import { hashToken } from '../access/token.js'

export interface Credentials {
  authorization: string | undefined
  beforeStranger: () => Promise<void>
  /** What registers agents and does nothing else, where the operator has such a token. */
  bootstrapToken?: Secret | undefined
}

/** Who asks a route that is not public; throws `unauthenticated` in the words older clients know. */
export async function principalOf(
  authenticator: Authenticator,
  operation: Pick<Operation, 'operationId'>,
  { authorization, beforeStranger, bootstrapToken }: Credentials,
): Promise<KnownPrincipal> {
  if (authorization === undefined) throw new CertctlError('unauthenticated', 'Authorization header required')
  const [, token] = /^Bearer +([A-Za-z0-9._~+/=-]{1,512})$/i.exec(authorization) ?? []
  if (token === undefined)
    throw new CertctlError('unauthenticated', 'Invalid Authorization header format, expected: Bearer <token>')
  const registers = operation.operationId === 'createAgent' && bootstrapToken !== undefined
  if (registers && timingSafeEqual(hashToken(token), hashToken(bootstrapToken.reveal()))) return bootstrapPrincipal
  return await authenticator.authenticate(token, beforeStranger)
}

/** Throws `forbidden` unless the role reaches the route; an agent reaches only what is under its own id. */
export function requireAllowed(
  principal: Principal,
  operation: Operation,
  params: Readonly<Record<string, unknown>>,
): void {
  if (operation.permission === 'public') return
  const role = roleOf(principal)
  if (role === undefined || !allows(role, operation))
    throw new CertctlError(
      'forbidden',
      `The role ${role ?? 'public'} may not do this: it needs ${operation.permission}`,
    )
  if (principal.kind === 'agent' && isOwnPath(operation) && params.id !== principal.id)
    throw new CertctlError('forbidden', 'An agent reaches only what is its own')
}

function roleOf(principal: Principal) {
  if (principal.kind === 'public') return undefined
  return principal.kind === 'agent' ? 'agent' : principal.role
}

function isOwnPath(operation: Operation): boolean {
  return operation.path.startsWith('/api/v1/agents/{id}')
}
