import { CertctlError, type HttpResponse, type IssuerHost, type Secret } from '@certctl/core'
import type { Config } from './config.js'
import { readAnswer, wordsOf } from './failure.js'
import { findTokenEnd, type TokenFacts, tokenSchema } from './token-facts.js'
import { createTokenSource, type TokenSource } from './token-source.js'
import { type Call, createTransport, type Send } from './transport.js'

export interface Client {
  /** Without a token. */
  send: Send
  tokens: TokenSource
  /** With the token there is, and with another where Vault does not know it any more. Denied calls throw, whose fault it is told; answers of any other status are results. */
  call(call: Omit<Call, 'token'>, what: string): Promise<HttpResponse>
  /** What Vault knows of this token; `undefined`: nothing. */
  lookUp(token: Secret, signal: AbortSignal): Promise<TokenFacts | undefined>
}

/** Speaks to Vault as the configuration says. Nothing is sent before the first call. */
export function createClient(config: Config, host: IssuerHost): Client {
  const send = createTransport(config, host)
  const tokens = createTokenSource(config, host, send)
  const lookUp: Client['lookUp'] = async (token, signal) => {
    const what = 'Vault, looking at its token'
    const response = await send({ method: 'GET', path: 'auth/token/lookup-self', token, signal })
    return isDenied(response) ? undefined : readAnswer(response, tokenSchema, what).data
  }
  return {
    send,
    tokens,
    lookUp,
    async call(call, what) {
      const token = await tokens.current(call.signal)
      const first = await send({ ...call, token })
      if (!isDenied(first)) return first
      if ((await lookUp(token, call.signal)) !== undefined) throw notAllowed(first, call, what)
      const other = await tokens.replace(call.signal)
      if (other === undefined) throw await unknownToken(host, token, what)
      const second = await send({ ...call, token: other })
      if (isDenied(second)) throw notAllowed(second, call, what)
      return second
    },
  }
}

function isDenied({ status }: HttpResponse): boolean {
  return status === 401 || status === 403
}

function notAllowed(response: HttpResponse, { path }: Pick<Call, 'path'>, what: string): CertctlError {
  const words = wordsOf(response)
  const remedy = `its token is good but may not do this; give its policy "update" on ${path}`
  return new CertctlError('upstream_rejected', `${what}: ${words === '' ? 'denied' : words}: ${remedy}`)
}

/** Vault says "permission denied" to wrong and to expired tokens alike: what was seen of this one before tells them apart. */
export async function unknownToken(host: IssuerHost, token: Secret, what: string): Promise<CertctlError> {
  const endedAt = await findTokenEnd(host, token)
  const isOver = endedAt !== undefined && endedAt.getTime() <= host.now().getTime()
  const fault = isOver
    ? `its token expired at ${endedAt.toISOString()}`
    : 'Vault does not know its token: it is mistyped, was revoked or has expired'
  return new CertctlError('upstream_rejected', `${what}: ${fault}; configure a new token, or an AppRole`)
}
