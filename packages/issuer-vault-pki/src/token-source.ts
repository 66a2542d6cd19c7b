import { CertctlError, type IssuerHost, Secret, z } from '@certctl/core'
import type { Config } from './config.js'
import { failureOf, readAnswer } from './failure.js'
import type { Send } from './transport.js'

/** Where the token comes from: given, or fetched by logging in. */
export interface TokenSource {
  current(signal: AbortSignal): Promise<Secret>
  /** Another token in place of one that Vault does not know any more; `undefined`: there is no other. */
  replace(signal: AbortSignal): Promise<Secret | undefined>
  /** Notes a longer life after a renewal. */
  prolonged(token: Secret, ttlSeconds: number): Promise<void>
}

/** Throws `config_invalid` where neither a token nor an AppRole is given, which the schema refuses before. */
export function createTokenSource(config: Config, host: IssuerHost, send: Send): TokenSource {
  const { token } = config
  if (token !== undefined)
    return { current: async () => token, replace: async () => undefined, prolonged: async () => undefined }
  return createAppRoleSource(config, host, send)
}

/** `giver`: who gave it to whom; it goes to nobody else, whatever the configuration says later. */
const storedSchema = z.object({ token: z.string(), giver: z.string(), expires_at: z.string().nullable() })
const loginSchema = z.object({
  auth: z.object({ client_token: z.string().min(1), lease_duration: z.number().nonnegative() }),
})
const stateKey = 'approle-token'
/** A token that ends this soon may end on the way. */
const marginMs = 30_000

/** Logs in when there is no living token; all copies of the server share the one there is, sealed. */
function createAppRoleSource(config: Config, host: IssuerHost, send: Send): TokenSource {
  const { role_id = '', secret_id, approle_mount, addr, namespace = '' } = config
  const giver = [new URL(addr).origin, namespace, approle_mount, role_id].join(' ')

  const keep = async (token: string, ttlSeconds: number): Promise<void> => {
    // Zero: a token without an end.
    const expiresAt = ttlSeconds === 0 ? undefined : new Date(host.now().getTime() + ttlSeconds * 1000)
    const value = { token, giver, expires_at: expiresAt?.toISOString() ?? null }
    await host.state.put(stateKey, value, { expiresAt })
  }
  const logIn = async (signal: AbortSignal): Promise<Secret> => {
    const path = `auth/${approle_mount}/login`
    const json = { role_id, ...(secret_id === undefined ? {} : { secret_id: secret_id.reveal() }) }
    const response = await send({ method: 'POST', path, json, signal })
    if (response.status === 400 || response.status === 403)
      throw refusedLogin(failureOf(response, 'Vault, AppRole login'))
    const { auth } = readAnswer(response, loginSchema, 'Vault, AppRole login')
    await keep(auth.client_token, auth.lease_duration)
    return new Secret(auth.client_token)
  }

  return {
    async current(signal) {
      const stored = storedSchema.safeParse((await host.state.get(stateKey))?.value).data
      const isOurs = stored?.giver === giver
      const ends = stored?.expires_at ?? undefined
      const lives = ends === undefined || Date.parse(ends) - marginMs > host.now().getTime()
      return stored !== undefined && isOurs && lives ? new Secret(stored.token) : await logIn(signal)
    },
    replace: logIn,
    prolonged: (token, ttlSeconds) => keep(token.reveal(), ttlSeconds),
  }
}

function refusedLogin({ message }: CertctlError): CertctlError {
  const remedy = 'check role_id, secret_id and approle_mount; a secret_id may also have expired or been used up'
  return new CertctlError('upstream_rejected', `${message}: ${remedy}`)
}
