import type { ChallengeAnswer, DnsConnector, IssuerHost, TxtRecord } from '@certctl/core'
import type { Acme } from '../acme.js'
import type { Published } from '../order/progress.js'

/** Nobody caches what is asked once; some providers take no less. */
const ttlSeconds = 60

/** Makes the answer visible to the CA. 'waiting': agents have not confirmed yet. Twice is once. */
export async function publish(acme: Acme, answer: Published, signal: AbortSignal): Promise<'published' | 'waiting'> {
  if (answer.kind !== 'dns') return await acme.host.challenges.publish(challengeAnswer(answer))
  await withDns(acme, (dns) => dns.present(recordOf(answer, signal)))
  return 'published'
}

/** Takes it back; what stands on purpose stays. */
export async function withdraw(acme: Acme, answer: Published, signal: AbortSignal): Promise<void> {
  if (answer.kind !== 'dns') return await acme.host.challenges.withdraw(challengeAnswer(answer))
  if (!answer.stands) await withDns(acme, (dns) => dns.cleanUp(recordOf(answer, signal)))
}

function challengeAnswer(answer: Exclude<Published, { kind: 'dns' }>): ChallengeAnswer {
  const { kind, by, name, port, token, key_authorization: keyAuthorization } = answer
  const common = { by, name, port, keyAuthorization }
  return kind === 'http-01' ? { ...common, kind, token } : { ...common, kind }
}

function recordOf(answer: Extract<Published, { kind: 'dns' }>, signal: AbortSignal): TxtRecord {
  const { name, value, domain, token } = answer
  return { name, value, ttlSeconds, context: { domain, token }, signal }
}

async function withDns(acme: Acme, use: (dns: DnsConnector) => Promise<void>): Promise<void> {
  const dns = await openDns(acme)
  try {
    await use(dns)
  } finally {
    // A configured provider lives on; one made of inline settings is ours.
    if (acme.config.dns_provider === undefined) await dns.close?.()
  }
}

/** The configured DNS provider, or the scripts as one. */
export async function openDns({ config, host }: Pick<Acme, 'config'> & { host: IssuerHost }): Promise<DnsConnector> {
  const { dns_provider, dns_present_script, dns_cleanup_script } = config
  if (dns_provider !== undefined) return await host.dns(dns_provider)
  const scripts = { present_script: dns_present_script, cleanup_script: dns_cleanup_script }
  return await host.dns({ type: 'script', config: scripts })
}
