import { CertctlError, type ErrorCode, type HttpResponse, isCertctlError, z } from '@certctl/core'

const answerSchema = z.object({ errors: z.array(z.string()) })
const longestWords = 400

/** What Vault says about a refusal, fit for one line; empty where it says nothing in its own form. */
export function wordsOf(response: HttpResponse): string {
  const words = errorsOf(response)
    .join('; ')
    // An error of several plugins comes as "1 error occurred:\n\t* permission denied\n\n".
    .replace(/\d+ errors? occurred:/g, '')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .replace(/\s*\* /g, ' ')
    .trim()
  return words.length > longestWords ? `${words.slice(0, longestWords)}…` : words
}

function errorsOf(response: HttpResponse): string[] {
  try {
    return answerSchema.safeParse(response.json()).data?.errors ?? []
  } catch (error) {
    // A proxy's page: the status speaks alone.
    if (isCertctlError(error)) return []
    throw error
  }
}

interface Meaning {
  code: ErrorCode
  /** What it means, and what to do. */
  text: string
}

const standby: Meaning = {
  code: 'upstream_unavailable',
  text: 'this node is a standby that answers nothing; let addr name the active node or the load balancer',
}
const meanings: Readonly<Record<number, Meaning>> = {
  307: {
    code: 'upstream_unavailable',
    text: 'this node is a standby and points elsewhere, which is not followed, since the token must not go there; let addr name the active node or the load balancer',
  },
  404: {
    code: 'upstream_rejected',
    text: 'there is nothing at this path; check mount, role and namespace',
  },
  412: {
    code: 'upstream_unavailable',
    text: 'this node does not know yet what another has written; it is tried again',
  },
  429: { code: 'rate_limited', text: 'a rate limit quota is used up' },
  472: standby,
  473: standby,
  501: { code: 'upstream_unavailable', text: 'it is not initialized; run: vault operator init' },
  503: { code: 'upstream_unavailable', text: 'it is sealed or in maintenance; unseal it with: vault operator unseal' },
}

/** The error for an answer that is not the one hoped for. `what` is the subject of the sentence: "Vault, signing". */
export function failureOf(response: HttpResponse, what: string): CertctlError {
  const { status, retryAfterSeconds } = response
  const words = wordsOf(response)
  const { code, text } = meaningOf(response, words)
  const said = words === '' ? `answered ${status}` : `answered ${status} (${words})`
  return new CertctlError(code, `${what}: ${said}${text === '' ? '' : `: ${text}`}`, { retryAfterSeconds })
}

function meaningOf(response: HttpResponse, words: string): Meaning {
  const { status } = response
  const [, algorithm] = /role requires keys of type (\w+)/.exec(words) ?? []
  if (status === 400 && algorithm !== undefined)
    return {
      code: 'csr_rejected',
      text: `roles take ${algorithm === 'rsa' ? 'RSA unless told otherwise' : 'one kind of key'}; set key_type=any for the role, or ask for the certificate with a key_algorithm of that kind`,
    }
  // What servers written in Go say, in plain text, to whoever speaks HTTP where they expect TLS.
  if (status === 400 && response.text().includes('HTTP request to an HTTPS server'))
    return { code: 'config_invalid', text: 'it speaks TLS there; let addr begin with https://' }
  return meanings[status] ?? byClass(status)
}

function byClass(status: number): Meaning {
  if (status >= 500) return { code: 'upstream_unavailable', text: '' }
  return status >= 400
    ? { code: 'upstream_rejected', text: '' }
    : { code: 'upstream_protocol', text: 'that is no answer of Vault; check addr' }
}

/** Reads an answer of status 200 by its schema; throws what the status means, or `upstream_protocol` for another shape. */
export function readAnswer<T>(response: HttpResponse, schema: z.ZodType<T>, what: string): T {
  if (response.status !== 200) throw failureOf(response, what)
  const parsed = schema.safeParse(response.json())
  if (parsed.success) return parsed.data
  throw new CertctlError(
    'upstream_protocol',
    `${what}: answered in a shape nobody knows; check that addr leads to Vault`,
  )
}
