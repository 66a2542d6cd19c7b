import { createHash } from 'node:crypto'
import type { JsonValue } from '@certctl/core'
import type { Answer } from './answer.js'
import { errorOf } from './problem.js'
import type { Transport } from './transport.js'

/** Requests signed by one account key. */
export interface Signer {
  /** RFC 7638, base64url: what key authorizations end in. */
  readonly thumbprint: string
  readonly jwk: Readonly<Record<string, string>>
  /** POST, or POST-as-GET with `null`. Any answer is a result; `badNonce` has been tried again. */
  ask(url: string, payload: JsonValue | null): Promise<Answer>
  /** The same; throws what the problem means. `what` is what is asked for: "an order". */
  post(url: string, payload: JsonValue | null, what: string): Promise<Answer>
  /** A JWS under `jwk` without a nonce: the inner half of a key change (RFC 8555 §7.3.5). */
  sign(url: string, payload: JsonValue): JsonValue
}

export interface SignerOptions {
  transport: Transport
  directoryUrl: string
  privateKeyPem: string
  /** The account; absent: requests carry the public key instead (newAccount). */
  accountUrl?: string | undefined
  binding?: { kid: string; hmacKey: string } | undefined
  signal: AbortSignal
}

/** Signing and the repetition after `badNonce` are acme-client's; what goes over the wire, and how, is ours. */
export async function createSigner(options: SignerOptions): Promise<Signer> {
  // Two hundred files, which only who has such an account loads.
  const { default: AcmeHttp } = await import('acme-client/src/http.js')
  const { transport, directoryUrl, privateKeyPem, accountUrl, binding, signal } = options
  const answers = new WeakMap<object, Answer>()
  const http = Object.assign(new AcmeHttp(directoryUrl, Buffer.from(privateKeyPem), binding ?? {}), {
    getDirectory: async () => await transport.directory(signal),
    getNonce: async () => await transport.nonce(signal),
    async request(url: string, method: string, { data }: { data?: unknown } = {}) {
      const body = data === undefined ? undefined : JSON.stringify(data)
      const answer = await transport.request({ method: method.toUpperCase(), url, body, signal })
      const raw = { status: answer.status, headers: answer.headers, data: answer.data }
      answers.set(raw, answer)
      return raw
    },
  })
  const ask: Signer['ask'] = async (url, payload) => {
    const raw = await http.signedRequest(url, payload, {
      kid: accountUrl ?? null,
      includeExternalAccountBinding: binding !== undefined,
    })
    const answer = answers.get(raw)
    if (answer === undefined) throw new TypeError('acme-client returned an answer that is not the one it was given')
    return answer
  }
  return {
    thumbprint: createHash('sha256').update(JSON.stringify(http.getJwk())).digest('base64url'),
    jwk: http.getJwk(),
    ask,
    async post(url, payload, what) {
      const answer = await ask(url, payload)
      if (answer.problem !== undefined) throw errorOf(answer.problem, what)
      return answer
    },
    sign: (url, payload) => ({ ...http.createSignedBody(url, payload) }),
  }
}
