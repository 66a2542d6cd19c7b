import { type HttpResponse, messageOf } from '@certctl/core'
import { createFileSystem, createHttpClient } from '@certctl/kit'
import type { DirectoryLook } from '../looks.js'

const limitSeconds = 8
const mostBytes = 262_144
/** RFC 8555 §7.1.1: what no directory goes without. */
const entries = ['newNonce', 'newAccount', 'newOrder']

export interface DirectoryQuestion {
  url: string
  caBundlePath?: string | undefined
  now(): Date
  signal: AbortSignal
}

/** One GET of an ACME directory, trusted as the issuer trusts it. What went wrong is a result. */
export async function lookAtDirectory({ url, caBundlePath, now, signal }: DirectoryQuestion): Promise<DirectoryLook> {
  const shown = shownUrl(url)
  try {
    const caPem = caBundlePath === undefined ? undefined : await readText(caBundlePath)
    const { origin, pathname, search } = new URL(url)
    const client = createHttpClient(
      { baseUrl: origin, tls: { caPem }, timeLimitSeconds: limitSeconds, maxResponseBytes: mostBytes },
      now,
    )
    const response = await client.request({ method: 'GET', path: `${pathname}${search}`, signal })
    return { url: shown, state: 'answered', ...readAnswer(response), ourTime: now() }
  } catch (error) {
    return { url: shown, state: 'silent', reason: messageOf(error) }
  }
}

async function readText(path: string): Promise<string> {
  return Buffer.from(await createFileSystem().read(path, { maxBytes: mostBytes * 4 })).toString('utf8')
}

/** Without what may be a credential in it. */
function shownUrl(url: string): string {
  if (!URL.canParse(url)) return 'The address of the directory'
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

function readAnswer(response: HttpResponse) {
  const { status, headers } = response
  const theirs = Date.parse(headers.date ?? '')
  const body = jsonOf(response)
  const given = body === undefined ? [] : Object.keys(body)
  return {
    status,
    location: headers.location,
    isJson: body !== undefined,
    missing: entries.filter((entry) => !given.includes(entry)),
    caaIdentities: identitiesOf(body),
    theirTime: Number.isNaN(theirs) ? undefined : new Date(theirs),
  }
}

function jsonOf(response: HttpResponse): Readonly<Record<string, unknown>> | undefined {
  try {
    return recordOf(JSON.parse(response.text()))
  } catch {
    return undefined // no JSON: that is what was to be found out
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isRecord ? Object.fromEntries(Object.entries(value)) : undefined
}

function identitiesOf(body: Readonly<Record<string, unknown>> | undefined): string[] {
  const identities = recordOf(body?.meta)?.caaIdentities
  return Array.isArray(identities) ? identities.filter((one) => typeof one === 'string').slice(0, 10) : []
}
