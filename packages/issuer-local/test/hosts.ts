import type { IssuerConnector, IssuerHost } from '@certctl/core'
import { parseConfig } from '@certctl/core'
import { createTestIssuerHost, type TestIssuerHost } from '@certctl/testing'
import local from '../src/index.js'

/** The connector as a server copy has it: its own process, a configuration, a host. */
export function start(host: IssuerHost, config: Readonly<Record<string, unknown>> = {}): IssuerConnector {
  return local.create(parseConfig(local.configSchema, config, local.type), host)
}

/** A second server on the same sealed state, with randomness of its own. */
export function sibling(host: TestIssuerHost): TestIssuerHost {
  const other = createTestIssuerHost()
  other.random(1)
  return { ...other, state: host.state, clock: host.clock, now: host.now }
}

export const never = new AbortController().signal

export interface ValidAnswer {
  certificatePem: string
  chainPem: string
}

/** What `issue` answered, where it must be a certificate. */
export async function valid(answer: ReturnType<IssuerConnector['issue']>): Promise<ValidAnswer> {
  const outcome = await answer
  if (outcome.status !== 'valid') throw new Error(`answered ${outcome.status}`)
  return outcome
}
