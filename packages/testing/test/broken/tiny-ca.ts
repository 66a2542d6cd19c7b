import {
  CertctlError,
  defineIssuer,
  type IssuanceRequest,
  type IssuerDefinition,
  type IssuerHost,
  z,
} from '@certctl/core'
import { createTestCa, createTestHost, type IssuerWorld, type TestCa } from '../../src/index.js'

let made: Promise<TestCa> | undefined

const configSchema = z.strictObject({})

/** What a correct CA in this process is made of; each broken one is this with one part exchanged. */
export interface TinyParts {
  sign(ca: TestCa, request: IssuanceRequest): Promise<string>
  chain(ca: TestCa, leaf: string): string
  /** Remembers what was signed for this order, so that asking again brings the same. */
  remember: boolean
}
const sound: TinyParts = {
  sign: (ca, { csrPem, names, notAfter }) => ca.sign(csrPem, { names, notAfter }),
  chain: (ca) => ca.intermediatePem,
  remember: true,
}

/** Signs at once with a key of its own and keeps what it signed in the host's state. */
export function tinyIssuer(parts: Partial<TinyParts> = {}): IssuerDefinition<Record<string, never>> {
  const p = { ...sound, ...parts }
  return defineIssuer({
    type: 'Tiny',
    displayName: 'A CA in one function',
    configSchema,
    capabilities: {
      operations: [],
      names: ['dns', 'ip', 'email', 'uri'],
      honours: ['notAfter'],
      revocationReasons: [],
      metered: false,
    },
    create: (_, host) => ({ issue: (request) => issue(p, host, request) }),
  })
}

async function issue(p: TinyParts, host: IssuerHost, request: IssuanceRequest) {
  if (request.signal.aborted) throw new CertctlError('aborted', 'Interrupted before it began')
  made ??= createTestCa()
  const ca = await made
  const key = `order/${request.id}`
  const known = p.remember ? await host.state.get(key) : undefined
  const certificatePem = typeof known?.value === 'string' ? known.value : await p.sign(ca, request)
  if (known === undefined && p.remember) await host.state.put(key, certificatePem, { expect: 'absent' })
  return { status: 'valid', certificatePem, chainPem: p.chain(ca, certificatePem) } as const
}

export function tinyWorld(): IssuerWorld {
  return { host: createTestHost() }
}
