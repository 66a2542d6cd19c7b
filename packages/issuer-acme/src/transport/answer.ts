import { CertctlError, type HttpResponse, type z } from '@certctl/core'
import { type Problem, problemOf } from './problem.js'

/** What the ACME server said: a good answer, or one with a problem to branch on. */
export interface Answer {
  status: number
  headers: Readonly<Record<string, string>>
  /** Parsed JSON; text where it is something else. */
  data: unknown
  text: string
  retryAfterSeconds: number | undefined
  /** Set for every status that is not a good one. */
  problem: Problem | undefined
}

export function answerOf(response: HttpResponse): Answer {
  const text = response.text()
  const data = jsonOrText(text)
  return {
    status: response.status,
    headers: response.headers,
    data,
    text,
    retryAfterSeconds: response.retryAfterSeconds,
    problem: response.status >= 200 && response.status < 300 ? undefined : problemOf(response, data),
  }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Certificates and pages of proxies are text; who expects JSON finds out by the schema.
    return text
  }
}

/** The body as `schema` says. Throws `upstream_protocol` for anything else; the body stays out of the message. */
export function bodyOf<T>(answer: Answer, schema: z.ZodType<T>, what: string): T {
  const parsed = schema.safeParse(answer.data)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const place = issue?.path.map(String).join('.') ?? ''
  throw new CertctlError(
    'upstream_protocol',
    `The ACME server answered ${answer.status} to ${what} with something that is none${place === '' ? '' : ` (${place})`}; a proxy may stand between`,
  )
}

/** The resource an answer is about. Throws `upstream_protocol` where it does not say, and `policy_denied` for one on another host than the directory's. */
export function locationOf({ headers }: Answer, what: string, directoryUrl: string): string {
  const { location } = headers
  if (location === undefined || !URL.canParse(location))
    throw new CertctlError('upstream_protocol', `The ACME server made ${what} and does not say where (no Location)`)
  const [host, known] = [new URL(location), new URL(directoryUrl)]
  if (host.origin === known.origin) return location
  throw new CertctlError(
    'policy_denied',
    `${known.host} put ${what} on another host, ${host.host}, which was not configured`,
  )
}

/** Addresses of one relation in the `Link` header (RFC 8288), as they stand. */
export function linksOf({ headers }: Answer, relation: string): string[] {
  const links = [...(headers.link ?? '').matchAll(/<([^>]*)>([^<]*)/g)]
  return links.flatMap(([, target, parameters]) =>
    target !== undefined && new RegExp(`;\\s*rel="?${relation}"?`, 'i').test(parameters ?? '') ? [target] : [],
  )
}
