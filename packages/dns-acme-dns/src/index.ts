import { CertctlError, defineDns, type Host, isCertctlError, type JsonValue } from '@certctl/core'
import { canonicalDnsName } from '@certctl/pki'
import type { Account } from './account.js'
import { createAccounts } from './accounts.js'
import { type Alias, aliasRecord, lookUpAlias, missingAlias } from './alias.js'
import { type AcmeDnsClient, createClient } from './client.js'
import { configSchema } from './config.js'
import { emptyPlaces, type Places, pauseBeforeUpdate, placesSchema, planToHold, withoutWanting } from './places.js'

export { configSchema }

const mostAttempts = 16

/** Publishes in an acme-dns server, to which CNAME records of the validated names lead: nobody needs access to the zones themselves. */
export default defineDns({
  type: 'AcmeDns',
  displayName: 'acme-dns',
  configSchema,
  environment: [
    {
      id: 'dns-acme-dns',
      name: 'acme-dns',
      when: 'CERTCTL_ACME_DNS_SERVER_URL',
      variables: {
        server_url: 'CERTCTL_ACME_DNS_SERVER_URL',
        accounts: 'CERTCTL_ACME_DNS_ACCOUNTS',
        register: 'CERTCTL_ACME_DNS_REGISTER',
        allow_from: 'CERTCTL_ACME_DNS_ALLOW_FROM',
        check_cname: 'CERTCTL_ACME_DNS_CHECK_CNAME',
        ca_pem: 'CERTCTL_ACME_DNS_CA_PEM',
      },
    },
  ],
  capabilities: {},

  create(config, host) {
    const client = createClient(config, host)
    const accounts = createAccounts(config, host, client)
    return {
      async present({ name: given, value, signal }) {
        requireRunning(signal)
        const name = canonicalDnsName(given)
        if (!/^[\w-]{43}$/.test(value))
          throw new CertctlError(
            'unsupported',
            `acme-dns takes answers to dns-01 challenges only; for ${name} use another DNS provider, or dns-01`,
          )
        const account = await accounts.findOrRegister(name, signal)
        if (config.check_cname && (await lookUpAlias(name, account, { host, signal })) === 'missing')
          throw missingAlias(name, account)
        await hold(account, value, { client, host, signal })
      },

      // acme-dns forgets nothing by itself: a value that is no longer wanted is the first to be replaced.
      async cleanUp({ name, value, signal }) {
        requireRunning(signal)
        const account = await accounts.find(canonicalDnsName(name))
        if (account !== undefined) await release(account, value, host)
      },

      async test(signal) {
        await client.checkHealth(signal)
        const known = await accounts.all()
        if (known.length === 0 && !config.register)
          throw new CertctlError(
            'config_invalid',
            'acme-dns answers, but there is no registration; put some into accounts, or allow register',
          )
        for (const account of known) await client.checkAccess(account, signal)
        return { detail: await describeAliases(known, { host, signal }) }
      },
    }
  },
})

function requireRunning(signal: AbortSignal): void {
  if (signal.aborted) throw new CertctlError('aborted', 'Interrupted before anything was asked of acme-dns')
}

interface Context {
  client: AcmeDnsClient
  host: Host
  signal: AbortSignal
}

/** What is about to be sent is remembered first, so that a lost answer or a crash in between is known the next time. */
async function hold(account: Account, value: string, { client, host, signal }: Context): Promise<void> {
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    const { places, expect } = await readPlaces(account, host)
    const plan = planToHold(places, value, secondsOf(host))
    if (plan.step === 'nothing') return
    if (plan.step === 'wait') throw bothInUse(account)
    const { held } = plan
    const settled = plan.step === 'remember' && places.settled
    const version = await writePlaces(account, { ...places, held, settled }, { host, expect })
    if (version === undefined) continue
    if (plan.step === 'remember') return
    const sentAt = await publishAll(account, { values: plan.values, places }, { client, host, signal })
    // Whoever wrote in between knew of this value, and sends it again: it need not be settled here.
    await writePlaces(account, { settled: true, sentAt, held }, { host, expect: version })
    return
  }
  throw tooMany(account)
}

function secondsOf(host: Host): number {
  return host.now().getTime() / 1000
}

function bothInUse({ domain }: Account): CertctlError {
  return new CertctlError(
    'rate_limited',
    `acme-dns keeps two values for ${domain}, and both are in use by other orders; it goes on when one of them is done`,
    { retryAfterSeconds: 60 },
  )
}

function tooMany({ domain }: Account): CertctlError {
  return new CertctlError('upstream_unavailable', `Too many orders publish for ${domain} at once; try again later`)
}

/** Sends values in their order and returns when the last one was answered. */
async function publishAll(
  account: Account,
  { values, places }: { values: readonly string[]; places: Places },
  { client, host, signal }: Context,
): Promise<number> {
  let before = places
  for (const value of values) {
    const pause = pauseBeforeUpdate(before, secondsOf(host))
    if (pause > 0) await host.delay(pause, signal)
    await client.publish(account, value, signal)
    before = { ...before, settled: true, sentAt: secondsOf(host) }
  }
  return before.sentAt
}

async function release(account: Account, value: string, host: Host): Promise<void> {
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    const { places, expect } = await readPlaces(account, host)
    const left = withoutWanting(places, value)
    if (left === undefined || (await writePlaces(account, left, { host, expect })) !== undefined) return
  }
  throw tooMany(account)
}

type Expect = number | 'absent'

async function readPlaces({ subdomain }: Account, host: Host): Promise<{ places: Places; expect: Expect }> {
  const stored = await host.state.get(`places:${subdomain}`)
  return stored === undefined
    ? { places: emptyPlaces, expect: 'absent' }
    : { places: placesSchema.parse(stored.value), expect: stored.version }
}

/** The new version; `undefined`: somebody else was faster. */
async function writePlaces({ subdomain }: Account, places: Places, { host, expect }: { host: Host; expect: Expect }) {
  try {
    const value: JsonValue = { ...places }
    return (await host.state.put(`places:${subdomain}`, value, { expect })).version
  } catch (error) {
    if (isCertctlError(error) && error.code === 'conflict') return undefined
    throw error
  }
}

async function describeAliases(
  accounts: readonly Account[],
  { host, signal }: Omit<Context, 'client'>,
): Promise<string> {
  const found: Record<Alias, string[]> = { found: [], missing: [], unknown: [] }
  for (const account of accounts) {
    const name = `_acme-challenge.${account.domain}`
    const alias = await lookUpAlias(name, account, { host, signal })
    found[alias].push(alias === 'missing' ? aliasRecord(name, account) : account.domain)
  }
  if (found.missing.length > 0)
    throw new CertctlError('not_found', `These records are missing; create them once: ${found.missing.join('; ')}`)
  const unknown =
    found.unknown.length === 0 ? '' : `; not looked up, since the resolver failed: ${found.unknown.join(', ')}`
  return accounts.length === 0
    ? 'acme-dns answers; domains are registered when they are first needed'
    : `acme-dns answers, and these domains lead to it: ${found.found.join(', ') || 'none'}${unknown}`
}
