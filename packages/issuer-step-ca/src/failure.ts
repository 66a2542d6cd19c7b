import { CertctlError, type HttpResponse, isCertctlError, z } from '@certctl/core'
import { expectStatus } from '@certctl/kit'

const answerSchema = z.object({ message: z.string() })
const longestWords = 400

/** What step-ca says about a refusal, fit for one line; empty where it says nothing in its own form. */
export function wordsOf(response: HttpResponse): string {
  const words = messageIn(response)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
  return words.length > longestWords ? `${words.slice(0, longestWords)}…` : words
}

function messageIn(response: HttpResponse): string {
  try {
    return answerSchema.safeParse(response.json()).data?.message ?? ''
  } catch (error) {
    // A proxy's page, or text: the status speaks alone.
    if (isCertctlError(error)) return ''
    throw error
  }
}

/** The error for an answer that is not the one hoped for: code and Retry-After by the status, step-ca's words, and where to read more. */
export function failureOf(response: HttpResponse, what: string): CertctlError {
  try {
    expectStatus(response, [], what)
  } catch (error) {
    if (!isCertctlError(error)) throw error
    const { code, message, retryAfterSeconds } = error
    const words = wordsOf(response)
    const id = response.headers['x-request-id']
    const log = id === undefined ? '' : `; its log says more under request-id ${id.slice(0, 64)}`
    // What the CA refuses is for a person to change; a path it does not have is another product or version.
    const ours = code === 'not_found' || code === 'conflict' ? 'upstream_rejected' : code
    return new CertctlError(ours, `${message}${words === '' ? '' : ` (${words})`}${log}`, { retryAfterSeconds })
  }
  return new CertctlError('upstream_protocol', `${what}: answered ${response.status}`)
}

/** Reads a good answer by its schema: step-ca says 201 where others say 200. Throws what the status means, or `upstream_protocol` for another shape. */
export function readAnswer<T>(response: HttpResponse, schema: z.ZodType<T>, what: string): T {
  if (response.status !== 200 && response.status !== 201) throw failureOf(response, what)
  const parsed = schema.safeParse(response.json())
  if (parsed.success) return parsed.data
  throw new CertctlError(
    'upstream_protocol',
    `${what}: answered in a shape nobody knows; check that ca_url leads to step-ca`,
  )
}
