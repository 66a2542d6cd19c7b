import { createHash } from 'node:crypto'
import type { SerialNumber } from '@certctl/core'
import type { Csr } from '@certctl/pki'
import { SignJWT } from 'jose'
import type { Bench } from './bench.js'
import type { Provisioner } from './provisioner.js'

/** What a token lets do, once: have this CSR signed for these names, or this certificate revoked. */
export type Purpose =
  | { path: '/1.0/sign'; subject: string; sans: readonly string[]; csr: Csr }
  | { path: '/1.0/revoke'; subject: string }

const lifeSeconds = 300

/** A token of five minutes. The audience is the address that is called, so that one for revoking signs nothing, and one for signing is bound to its CSR. */
export async function createOneTimeToken(
  { config, host }: Bench,
  provisioner: Provisioner,
  purpose: Purpose,
): Promise<string> {
  const { privateKey, algorithm, kid } = provisioner.key
  const now = Math.floor(host.now().getTime() / 1000)
  return await new SignJWT(claimsOf(purpose))
    .setProtectedHeader({ alg: algorithm, kid, typ: 'JWT' })
    .setIssuer(provisioner.name)
    .setAudience(`${config.ca_url}${purpose.path}`)
    .setSubject(purpose.subject)
    .setJti(Buffer.from(host.random(32)).toString('hex'))
    .setIssuedAt(now)
    .setNotBefore(now)
    .setExpirationTime(now + lifeSeconds)
    .sign(privateKey)
}

function claimsOf(purpose: Purpose): Record<string, unknown> {
  if (purpose.path === '/1.0/revoke') return {}
  const csrHash = createHash('sha256').update(purpose.csr.der).digest('base64url')
  return { sans: purpose.sans, cnf: { 'x5rt#S256': csrHash } }
}

/** step-ca reads serial numbers as decimal: bare hex would be another number, or none. */
export function decimalOf(serialNumber: SerialNumber): string {
  return BigInt(`0x${serialNumber}`).toString()
}
