import { CertctlError, Secret } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { createLogger } from '../src/log.js'

const canary = 'canary-7f3a91'
const pem = `-----BEGIN EC PRIVATE KEY-----\n${canary}\n-----END EC PRIVATE KEY-----\n`

function logged(write: (log: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = []
  write(createLogger({ level: 'debug', to: { write: (line: string) => void lines.push(line) } }))
  return lines
}

describe('the log', () => {
  it('is one JSON object a line, with time, level in words and message', () => {
    const [line = ''] = logged((log) => log.info({ certificate: 'mc-1' }, 'issued'))
    expect(JSON.parse(line)).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      pid: process.pid,
      certificate: 'mc-1',
      msg: 'issued',
    })
    expect(line.endsWith('}\n')).toBe(true)
  })

  it('shows an error with its code, its cause and where it happened', () => {
    const cause = new Error('refused')
    const [line = ''] = logged((log) =>
      log.error({ err: new CertctlError('upstream_unavailable', 'no answer', { cause }) }, 'x'),
    )
    expect(JSON.parse(line).err).toMatchObject({
      code: 'upstream_unavailable',
      message: 'no answer',
      stack: expect.any(String),
      cause: { message: 'refused' },
    })
  })

  it('shows what is no secret although its name sounds like one', () => {
    const fields = { key_id: 'key-1', key_algorithm: 'EC-P256', token_id: 't-1', public_key: 'spki', task: 'x' }
    const [line = ''] = logged((log) => log.info(fields, 'x'))
    expect(JSON.parse(line)).toMatchObject(fields)
  })

  const circular: Record<string, unknown> = { name: 'circular' }
  circular.self = circular
  const axiosLike = Object.assign(new Error('request failed'), { config: { headers: { authorization: canary } } })

  it.each([
    ['a secret value', { value: new Secret(canary) }],
    ['a secret value deep inside', { a: [{ b: { c: new Secret(canary) } }] }],
    ['a field named like a secret', { password: canary }],
    [
      'such a field at any depth',
      { a: { b: [{ api_key: canary, apiKey: canary, clientSecret: canary, Authorization: canary }] } },
    ],
    ['an object under such a name', { credentials: { user: canary } }],
    ['a header of a failed request', { err: axiosLike }],
    ['a private key in a text', { output: `openssl said:\n${pem}done` }],
    ['half a private key', { output: pem.slice(0, 50) }],
    ['a bearer token in a text', { detail: `sent Authorization: Bearer ${canary}.x.y and was refused` }],
    ['a password in a URL', { url: `postgres://app:${canary}@db.example.com/certctl` }],
    ['one of our own tokens', { seen: `cck_${canary}_0123456789abcdef` }],
    ['bytes', { der: Buffer.from(canary) }],
    ['something deep in a circle', { ...circular, token: canary }],
  ])('never shows %s', (_what, fields) => {
    const lines = [
      ...logged((log) => log.info(fields, 'x')),
      ...logged((log) => log.child(fields).warn('from a child')),
    ]
    expect(lines).toHaveLength(2)
    for (const line of lines) {
      expect(line).not.toContain(canary)
      expect(line).not.toContain(Buffer.from(canary).toString('base64').slice(0, 12))
      expect(() => JSON.parse(line)).not.toThrow()
    }
  })

  it('never shows a secret in the message itself, or in an error that is the only argument', () => {
    const lines = logged((log) => {
      log.error(new Error(`could not read ${pem}`))
      log.warn({}, `said Basic ${canary}`)
    })
    expect(lines.join('')).not.toContain(canary)
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
  })
})
