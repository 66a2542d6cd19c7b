import { CertctlError, type Host, isCertctlError } from '@certctl/core'
import { canonicalDnsName } from '@certctl/pki'
import { type Account, accountOf, givenAccounts, registrationSchema } from './account.js'
import type { AcmeDnsClient } from './client.js'
import type { Config } from './config.js'

const prefix = 'account:'

/** Registrations that were given or made here, by the domain whose challenges lead to them. */
export function createAccounts(config: Config, host: Pick<Host, 'state' | 'log'>, client: AcmeDnsClient) {
  const given = config.accounts === undefined ? [] : (givenAccounts(config.accounts) ?? [])

  const made = async (domain: string): Promise<Account | undefined> => {
    const stored = await host.state.get(`${prefix}${domain}`)
    return stored === undefined ? undefined : accountOf(domain, registrationSchema.parse(stored.value))
  }
  const all = async (): Promise<Account[]> => {
    const found = [...given]
    for await (const { key, value } of host.state.list(prefix))
      found.push(accountOf(key.slice(prefix.length), registrationSchema.parse(value)))
    return found
  }
  const find = async (name: string): Promise<Account | undefined> => {
    const domain = domainOf(name)
    const known = given.find((account) => account.domain === domain) ?? (await made(domain))
    // A CNAME may have been followed before, so that the name is that of a registration.
    return known ?? (await all()).find(({ fulldomain }) => fulldomain === name)
  }

  return {
    all,
    find,
    async findOrRegister(name: string, signal: AbortSignal): Promise<Account> {
      const known = await find(name)
      if (known !== undefined) return known
      if (!config.register)
        throw new CertctlError(
          'not_found',
          `There is no acme-dns registration for ${name}; put one for ${domainOf(name)} into accounts, or allow register`,
        )
      await refuseStranger(name, await all())
      const registration = await client.register(domainOf(name), signal)
      try {
        await host.state.put(`${prefix}${domainOf(name)}`, registration, { expect: 'absent' })
      } catch (error) {
        // Another copy was faster: its registration is the one that the operator is told of.
        if (!isCertctlError(error) || error.code !== 'conflict') throw error
        return (await made(domainOf(name))) ?? accountOf(domainOf(name), registration)
      }
      host.log.info('registered with acme-dns', { domain: domainOf(name), fulldomain: registration.fulldomain })
      return accountOf(domainOf(name), registration)
    },
  }
}

/** The domain that is validated at this name, or the name itself where it is none of ACME's. */
function domainOf(name: string): string {
  return canonicalDnsName(name).replace(/^_acme-challenge\./, '')
}

/** A name among those that acme-dns gives out belongs to a registration: a new one would not help it. */
async function refuseStranger(name: string, accounts: readonly Account[]): Promise<void> {
  const parent = (full: string) => full.slice(full.indexOf('.') + 1)
  if (!accounts.some(({ fulldomain }) => parent(fulldomain) === parent(name))) return
  throw new CertctlError(
    'not_found',
    `${name} is a registration of acme-dns whose password is not known here; put it into accounts`,
  )
}
