import { CertctlError, isCertctlError, messageOf, z } from '@certctl/core'
import type { Acme } from '../acme.js'
import type { AccountRecord } from './record.js'

/** RFC 8555 §7.3.4: key id and MAC key (base64url). */
export interface Binding {
  kid: string
  hmacKey: string
}

/** The MAC key as bytes, base64url, from every form CAs hand it out in: base64 or base64url, padded or not, with blanks, or (Google's API) encoded twice. Throws `config_invalid`. */
export function decodeMacKey(text: string): string {
  const bytes = decoded(text)
  if (bytes === undefined || bytes.length === 0)
    throw new CertctlError(
      'config_invalid',
      'eab_hmac is neither base64 nor base64url; copy it again as the CA shows it',
    )
  // A MAC key of random bytes is never text of this alphabet: a chance of four to the power of minus its length.
  const inner = bytes.length >= shortestText && bytes.every(isPrintable) ? decoded(bytes.toString('latin1')) : undefined
  return (inner ?? bytes).toString('base64url')
}

/** 32 bytes in base64. */
const shortestText = 42

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f
}

function decoded(text: string): Buffer | undefined {
  const compact = text.replace(/\s+/g, '').replace(/=+$/, '')
  return /^[A-Za-z0-9+/_-]+$/.test(compact) && compact.length % 4 !== 1 ? Buffer.from(compact, 'base64') : undefined
}

/** Compared exactly: a directory that merely looks like theirs gets nobody's e-mail address. */
const zeroSslHost = 'acme.zerossl.com'
const zeroSslApi = 'https://api.zerossl.com'

const credentialsSchema = z.object({
  success: z.union([z.literal(true), z.literal(1)]),
  eab_kid: z.string().min(1),
  eab_hmac_key: z.string().min(1),
})
const refusalSchema = z.object({ error: z.object({ code: z.number().optional(), type: z.string().optional() }) })

/** What the account is to be bound with: the configured credentials, those kept from before, or fresh ones of ZeroSSL. `undefined`: the CA asks for none. */
export async function bindingOf(
  acme: Acme,
  record: AccountRecord,
  signal: AbortSignal,
): Promise<{ binding: Binding; isFresh: boolean } | undefined> {
  const { eab_kid, eab_hmac, directory_url } = acme.config
  if (eab_kid !== undefined && eab_hmac !== undefined)
    return { binding: { kid: eab_kid, hmacKey: decodeMacKey(eab_hmac.reveal()) }, isFresh: false }
  if (record.binding !== undefined)
    return { binding: { kid: record.binding.kid, hmacKey: record.binding.hmac_key }, isFresh: false }
  if (isZeroSsl(directory_url)) return { binding: await askZeroSsl(acme, signal), isFresh: true }
  const { meta } = await acme.transport.directory(signal)
  if (meta?.externalAccountRequired === true)
    throw new CertctlError(
      'config_invalid',
      `${new URL(directory_url).host} takes accounts with external account binding only; set eab_kid and eab_hmac as the CA shows them`,
    )
  return undefined
}

export function isZeroSsl(directoryUrl: string): boolean {
  return new URL(directoryUrl).hostname === zeroSslHost
}

async function askZeroSsl({ config: { email }, host }: Acme, signal: AbortSignal): Promise<Binding> {
  if (email === undefined)
    throw new CertctlError(
      'config_invalid',
      'ZeroSSL gives credentials for an e-mail address: set email, or eab_kid and eab_hmac',
    )
  const client = host.http({ baseUrl: zeroSslApi, maxResponseBytes: 65_536 })
  const response = await client.request({
    method: 'POST',
    path: '/acme/eab-credentials-email',
    form: { email },
    signal,
  })
  const { status, retryAfterSeconds } = response
  if (status === 429 || status >= 500)
    throw new CertctlError(
      status === 429 ? 'rate_limited' : 'upstream_unavailable',
      `ZeroSSL, asked for EAB credentials, answered ${status}`,
      { retryAfterSeconds },
    )
  const data = jsonOf(response.json)
  const parsed = credentialsSchema.safeParse(data)
  if (parsed.success) return { kid: parsed.data.eab_kid, hmacKey: decodeMacKey(parsed.data.eab_hmac_key) }
  // Their refusals come with status 200.
  const refusal = refusalSchema.safeParse(data)
  if (!refusal.success)
    throw new CertctlError(
      'upstream_protocol',
      `ZeroSSL, asked for EAB credentials, answered ${status} with something that is none`,
    )
  const { code, type } = refusal.data.error
  throw new CertctlError(
    'upstream_rejected',
    `ZeroSSL gives no EAB credentials for this address (${[code, type?.slice(0, 100)].filter(Boolean).join(' ')}); take eab_kid and eab_hmac from its dashboard`,
  )
}

function jsonOf(read: () => unknown): unknown {
  try {
    return read()
  } catch (cause) {
    if (isCertctlError(cause) && cause.code !== 'upstream_protocol') throw cause
    throw new CertctlError('upstream_protocol', `ZeroSSL, asked for EAB credentials: ${messageOf(cause)}`, { cause })
  }
}
