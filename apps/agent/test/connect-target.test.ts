import {
  CertctlError,
  defineTarget,
  type Logger,
  Secret,
  secret,
  type TargetConnector,
  type TargetHost,
  z,
} from '@certctl/core'
import { generateKey } from '@certctl/pki'
import { describe, expect, it } from '@jest/globals'
import type { Agent } from '../src/agent.js'
import { createConcealer } from '../src/conceal.js'
import { connectTarget } from '../src/connect-target.js'
import type { PreparedTarget } from '../src/prepare-target.js'

const password = 'pass-4711-word'
const signal = new AbortController().signal
const { privateKeyPem } = await generateKey('EC-P256')
const keyLines = privateKeyPem.split('\n').filter((line) => line.length >= 16 && !line.startsWith('-'))
const fingerprint = 'ab'.repeat(32)

const forgetful: TargetConnector = {
  deploy: async () => ({
    changed: true,
    served: 'served',
    location: `https://${password}@appliance`,
    effective: 'now',
    metadata: { login: `by ${password}` },
  }),
  verify: async () => ({ matches: true, location: `slot ${password}`, foundFingerprint: fingerprint }),
}

/** A connector as a stranger may write it, on an agent of which only what a connection needs is there. */
function connected(create: (host: TargetHost) => TargetConnector, secrets = [password]) {
  const lines: string[] = []
  const write = (message: string, fields: object = {}) => void lines.push(JSON.stringify({ message, fields }))
  const log: Logger = { debug: write, info: write, warn: write }
  const definition = defineTarget({
    type: 'Forgetful',
    displayName: 'Forgetful',
    configSchema: z.strictObject({ password: secret().describe('What with.') }),
    capabilities: { platforms: ['linux'], verifies: 'api', undo: 'full', holds: 'one' },
    create: (_config, host) => create(host),
  })
  const target = {
    definition,
    parsed: {},
    secrets: secrets.map((text) => new Secret(text)),
  } as unknown as PreparedTarget
  const agent = { hostFor: () => ({ log }) } as unknown as Agent
  const connector = connectTarget(agent, {
    target,
    files: {} as never,
    confirmServed: async () => 'served',
    privateKeyPems: [new Secret(privateKeyPem)],
  })
  return { connector, lines }
}

const failing = (error: unknown): TargetConnector => ({ ...forgetful, deploy: () => Promise.reject(error) })
const deploy = ({ connector }: { connector: TargetConnector }) => connector.deploy({ signal } as never)

describe('what a connector says', () => {
  it('in a receipt, a report, a test or a cleaning has lost the secrets', async () => {
    const { connector } = connected(() => ({
      ...forgetful,
      test: async () => ({ detail: `logged in with ${password}` }),
      cleanUp: async () => ({ removed: [`/srv/${password}.pem`] }),
    }))
    expect(await connector.deploy({} as never)).toMatchObject({
      changed: true,
      location: 'https://[secret]@appliance',
      metadata: { login: 'by [secret]' },
    })
    expect(await connector.verify({} as never)).toMatchObject({ matches: true, location: 'slot [secret]' })
    expect(await connector.test?.(signal)).toEqual({ detail: 'logged in with [secret]' })
    expect(await connector.cleanUp?.({} as never)).toEqual({ removed: ['/srv/[secret].pem'] })
  })

  it('in an error has lost the secrets, and keeps its code and what else it says', async () => {
    const errors = [{ field: 'config.user', message: `${password} is not his` }]
    const error = new CertctlError('rate_limited', `not with ${password}`, { retryAfterSeconds: 7, errors })
    await expect(deploy(connected(() => failing(error)))).rejects.toMatchObject({
      code: 'rate_limited',
      message: 'not with [secret]',
      retryAfterSeconds: 7,
      errors: [{ field: 'config.user', message: '[secret] is not his' }],
    })
    await expect(deploy(connected(() => failing(new TypeError(`cannot ${password}`))))).rejects.toThrow(
      /^cannot \[secret\]$/,
    )
  })

  it('in an error that holds no secret is the error itself', async () => {
    const error = new CertctlError('deploy_failed', 'the disk is full', { cause: new Error('ENOSPC') })
    await expect(deploy(connected(() => failing(error)))).rejects.toBe(error)
    const fault = new TypeError('x is not a function')
    await expect(deploy(connected(() => failing(fault)))).rejects.toBe(fault)
  })

  it('while it is made has lost the secrets', () => {
    expect(() =>
      connected(() => {
        throw new Error(`bad ${password}`)
      }),
    ).toThrow(/^bad \[secret\]$/)
  })

  it('in its log has lost the secrets, however deep', async () => {
    const { lines } = connected((host) => {
      host.log.debug(`with ${password}`)
      host.log.info('deeper', {
        list: [{ text: `at ${password}` }],
        error: new Error(password),
        bytes: Buffer.from(password),
      })
      host.log.warn('whole', { config: { password: new Secret(password) }, at: new Date(0) })
      return forgetful
    })
    expect(lines.join('\n')).not.toContain(password)
    expect(lines[0]).toContain('with [secret]')
    expect(JSON.parse(lines[1] ?? '')).toEqual({
      message: 'deeper',
      fields: { list: [{ text: 'at [secret]' }], error: '[secret]', bytes: '[14 bytes]' },
    })
    expect(lines[2]).toContain('1970-01-01')
  })

  it('of the key is nothing, neither the block nor a single line', async () => {
    const error = new CertctlError('deploy_failed', `${privateKeyPem}\nand again: ${keyLines.join(' ')}`)
    const thrown = await deploy(connected(() => failing(error))).catch((caught: unknown) => String(caught))
    for (const line of keyLines) expect(thrown).not.toContain(line)
    expect(thrown).toContain('and again')
  })

  it('of a fingerprint is kept, whatever secret it looks like', async () => {
    const { connector } = connected(() => forgetful, ['ab'])
    expect(await connector.verify({} as never)).toMatchObject({ foundFingerprint: fingerprint })
  })
})

describe('a concealer', () => {
  it('takes the longer secret where one is part of the other', () => {
    const { text } = createConcealer([new Secret('abcd'), new Secret('abcd-efgh')], [])
    expect(text('abcd-efgh abcd')).toBe('[secret] [secret]')
  })

  it('ends with data that contains itself', () => {
    const round: Record<string, unknown> = { text: password }
    round.self = round
    expect(JSON.stringify(createConcealer([new Secret(password)], []).value(round))).not.toContain(password)
  })
})
