import { createHash, createHmac, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import type { JsonValue } from '@certctl/core'
import type { HttpAnswer } from '@certctl/testing'

export const errorType = (type: string) => `urn:ietf:params:acme:error:${type}`

export class Refusal extends Error {
  readonly answer: HttpAnswer
  constructor(type: string, status: number, detail = 'refused', headers: Record<string, string> = {}) {
    super(type)
    this.answer = {
      status,
      headers: { 'content-type': 'application/problem+json', ...headers },
      json: { type: errorType(type), detail, status },
    }
  }
}

export type Payload = { readonly [key: string]: JsonValue | undefined }

export interface Jws {
  url?: string
  nonce?: string
  kid?: string
  jwk?: JsonWebKey
  alg?: string
  payload: Payload
  text: string
  signature: Buffer
}

export function readJws(text: string): Jws {
  const { protected: head, payload, signature } = JSON.parse(text) as Record<string, string>
  const read = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, string>
  const body = payload === '' ? {} : read(payload)
  return {
    ...(read(head) as object),
    payload: body,
    text: `${head}.${payload}`,
    signature: Buffer.from(signature ?? '', 'base64url'),
  }
}

export function isSigned({ text, signature }: Jws, key: KeyObject): boolean {
  return verify('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }, signature)
}

export function keyOf(jwk: JsonWebKey | undefined): KeyObject {
  return createPublicKey({ key: jwk ?? {}, format: 'jwk' })
}

/** RFC 7638: required members in order of their names. */
export function thumbprintOf({ crv, e, kty, n, x, y }: JsonWebKey): string {
  const members = kty === 'EC' ? { crv, kty, x, y } : { e, kty, n }
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

export function requireBinding(payload: Payload, { kid, key }: { kid: string; key: Buffer }): void {
  if (payload.externalAccountBinding === undefined) throw new Refusal('externalAccountRequired', 403)
  const bound = readJws(JSON.stringify(payload.externalAccountBinding))
  const mac = createHmac('sha256', key).update(bound.text).digest()
  if (bound.kid !== kid || !mac.equals(bound.signature)) throw new Refusal('unauthorized', 403)
}
