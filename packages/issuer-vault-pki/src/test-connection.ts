import { CertctlError, formatDuration, type HttpResponse, type Secret, z } from '@certctl/core'
import { parseCertificate } from '@certctl/pki'
import type { Bench } from './bench.js'
import { caCertificates } from './ca-certificates.js'
import { unknownToken } from './client.js'
import { failureOf, readAnswer } from './failure.js'
import { noteTokenEnd, type TokenFacts } from './token-facts.js'

const what = 'Vault, connection test'
const healthSchema = z.object({ sealed: z.boolean(), version: z.string().optional() })
const capabilitiesSchema = z.object({ data: z.record(z.string(), z.array(z.string())) })
const sufficient = ['update', 'root', 'sudo']

/** Is it there and awake, is the token good, may it do what is asked of it, is there a role and a CA? The first that is not is the error. Changes nothing. */
export async function testConnection(bench: Bench, signal: AbortSignal): Promise<{ detail: string }> {
  const { client, host, config } = bench
  const version = await awakeVersion(bench, signal)
  const token = await client.tokens.current(signal)
  const facts = await client.lookUp(token, signal)
  if (facts === undefined) throw await unknownToken(host, token, what)
  await noteTokenEnd(host, token, facts)
  await checkMay(bench, token, signal)
  await checkRole(bench, token, signal)
  const [pem = ''] = await caCertificates(bench, signal)
  const { subjectText, notAfter } = parseCertificate(pem)
  const clear = config.addr.startsWith('http:') ? '; over plain http everybody on the way can read the token' : ''
  return { detail: `${version}: ${subjectText} signs until ${notAfter.toISOString()}; ${lifeOf(facts)}${clear}` }
}

/** 429, 472 and 473 are standbys here; a performance standby forwards what it cannot do itself. */
async function awakeVersion({ client }: Bench, signal: AbortSignal): Promise<string> {
  const response = await client.send({ method: 'GET', path: 'sys/health', inRoot: true, signal })
  if ([429, 472, 473].includes(response.status)) return versionOf({ ...response, status: 200 })
  return versionOf(response)
}

function versionOf(response: HttpResponse): string {
  const { sealed, version = 'of unknown version' } = readAnswer(response, healthSchema, what)
  if (sealed) throw failureOf({ ...response, status: 503 }, what)
  return `Vault or OpenBao ${version}`
}

/** Tokens may ask this by the policy `default`; where that was taken away, the first order tells. */
async function checkMay({ client, config }: Bench, token: Secret, signal: AbortSignal): Promise<void> {
  const paths = [`${config.mount}/sign/${config.role}`, `${config.mount}/revoke`]
  const response = await client.send({ method: 'POST', path: 'sys/capabilities-self', json: { paths }, token, signal })
  if (response.status === 403) return
  const { data } = readAnswer(response, capabilitiesSchema, what)
  const lacking = paths.filter((path) => !data[path]?.some((capability) => sufficient.includes(capability)))
  if (lacking.length === 0) return
  const list = lacking.join(' and ')
  throw new CertctlError(
    'upstream_rejected',
    `${what}: its token is good but lacks "update" on ${list}; add it to its policy`,
  )
}

/** Most tokens may not read roles; one that may learns here that there is none. */
async function checkRole({ client, config }: Bench, token: Secret, signal: AbortSignal): Promise<void> {
  const path = `${config.mount}/roles/${encodeURIComponent(config.role)}`
  const response = await client.send({ method: 'GET', path, token, signal })
  if (response.status !== 403 && response.status !== 200)
    throw failureOf(response, `${what}, reading role ${config.role}`)
}

function lifeOf({ ttl, renewable }: TokenFacts): string {
  if (ttl === 0) return 'the token has no end'
  return `the token lasts ${formatDuration(Math.floor(ttl))} more and is ${renewable ? '' : 'not '}renewable`
}
