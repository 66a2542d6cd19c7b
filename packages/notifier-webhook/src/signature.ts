import { createHmac } from 'node:crypto'
import type { Secret } from '@certctl/core'

/** `X-Certctl-Signature`: one `v1=<hex HMAC-SHA-256(secret, timestamp + "." + body)>` for each secret. `undefined` where there is none. */
export function signatureOf(
  secrets: readonly (Secret | undefined)[],
  signed: { timestamp: string; body: Uint8Array },
): string | undefined {
  const present = secrets.filter((secret) => secret !== undefined)
  if (present.length === 0) return undefined
  const sign = (secret: Secret): string =>
    createHmac('sha256', secret.reveal()).update(`${signed.timestamp}.`).update(signed.body).digest('hex')
  return present.map((secret) => `v1=${sign(secret)}`).join(',')
}
