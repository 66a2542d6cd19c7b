import { messageOf, type Testable } from '@certctl/core'
import { parseGeneralName } from '@certctl/pki'
import { answerInTime } from '../../lifecycle/order/answer-in-time.js'
import { askBudget } from '../../lifecycle/order/ask-budget.js'
import type { Services } from '../../services.js'
import type { IssuerLooks, Tested } from '../looks.js'
import { once } from '../once.js'
import type { AskedName } from '../subject.js'
import type { AcmeSettings } from './acme-settings.js'
import { lookAtDirectory } from './look-at-directory.js'

const testSeconds = 12
const proxyVariables = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy']

export interface AskedFor {
  issuerId: string | undefined
  settings: AcmeSettings
  asked: AskedName
  signal: AbortSignal
}

/** What can be seen of the CA that is to issue, and of what it is given to work with. */
export function createIssuerLooks(services: Services, { issuerId, settings, asked, signal }: AskedFor): IssuerLooks {
  const { directoryUrl: url, caBundlePath, dnsProvider, issuerDomain } = settings
  const now = () => services.clock.now()
  const directory = once(async (at: string) => await lookAtDirectory({ url: at, caBundlePath, now, signal }))
  const directoryLook = async () => (url === undefined ? undefined : await directory(url))
  const tests = once(
    async (id: string) => await tested(async () => (await services.connections.issuer(id)).connector, signal),
  )
  return {
    proxies: proxyVariables.filter((name) => (services.config.environment[name] ?? '') !== ''),
    directory: directoryLook,
    async identities() {
      const look = await directoryLook()
      const own = look?.state === 'answered' ? look.caaIdentities : []
      const known = own.length === 0 && issuerDomain !== undefined ? [issuerDomain] : own
      return known.map((identity) => identity.toLowerCase())
    },
    testIssuer: async () => (issuerId === undefined ? undefined : await tests(issuerId)),
    async testProvider() {
      if (dnsProvider === undefined) return undefined
      const result = await tested(async () => (await services.connections.dns(dnsProvider)).connector, signal)
      return result === undefined ? undefined : { ...result, id: dnsProvider }
    },
    async budget() {
      if (issuerId === undefined || asked.kind === 'malformed') return undefined
      const instance = await services.connections.issuer(issuerId).catch(() => undefined) // told by its test
      if (instance === undefined) return undefined
      const names = [parseGeneralName(asked.kind === 'dns' && asked.isWildcard ? `*.${asked.name}` : asked.name)]
      return await askBudget(services, instance, { names, orders: 1, signal })
    },
  }
}

async function tested(open: () => Promise<Testable>, signal: AbortSignal): Promise<Tested | undefined> {
  try {
    const connector = await open()
    if (connector.test === undefined) return undefined
    const answer = await answerInTime(async (limited) => await connector.test?.(limited), {
      seconds: testSeconds,
      signal,
    })
    return { works: true, detail: answer?.detail ?? 'it has nothing to add', account: answer?.account }
  } catch (error) {
    return { works: false, reason: messageOf(error) }
  }
}
