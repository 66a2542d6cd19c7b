import { apiError } from '@certctl/api'
import { CertctlError, type ErrorCode, errorCodes } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { cleanText } from '../src/output/clean-text.js'
import { failureJson, failureOf, failureText, nextStep } from '../src/output/failure.js'
import { fieldsText, tableText } from '../src/output/table.js'
import { agoText, lengthText, timeText } from '../src/output/time-text.js'

describe('text of others', () => {
  it('cannot move the cursor, colour the screen, ring the bell or fake a line', () => {
    expect(cleanText('a\u001b[2Jb\u0007c\r\nerror: all is well\u009b31m\u202ed')).toBe('ab c error: all is well d')
  })

  it('keeps letters of every alphabet', () => {
    expect(cleanText('Zürich 東京 Ελλάδα')).toBe('Zürich 東京 Ελλάδα')
  })
})

describe('a table', () => {
  const columns = [
    { title: 'NAME', value: ({ name }: { name: string; size?: number }) => name },
    { title: 'SIZE', value: ({ size }: { name: string; size?: number }) => size },
  ]

  it('is aligned, without lines and without spaces at the end', () => {
    const text = tableText(columns, [{ name: 'long name', size: 1 }, { name: 'b' }])
    expect(text).toBe('NAME       SIZE\nlong name  1\nb          -')
  })

  it('counts wide letters as a terminal shows them', () => {
    expect(
      tableText(columns, [
        { name: '東京', size: 1 },
        { name: 'abcd', size: 2 },
      ]),
    ).toBe('NAME  SIZE\n東京  1\nabcd  2')
  })

  it('keeps a row a row, whatever is in it', () => {
    expect(tableText(columns, [{ name: 'a\nb\tc', size: 1 }]).split('\n')).toHaveLength(2)
  })

  it('of fields leaves out what has no value', () => {
    expect(
      fieldsText([
        ['id', 'x'],
        ['owner', undefined],
        ['team', ''],
        ['on', false],
      ]),
    ).toBe('id  x\non  false')
  })
})

describe('a time', () => {
  const now = new Date('2026-01-31T12:00:00Z')
  it.each([
    ['2026-02-12T13:00:00Z', 'in 12d'],
    ['2026-01-31T12:00:30Z', 'in 30s'],
    ['2026-01-31T09:00:00Z', '3h ago'],
    ['2026-01-31T11:58:59Z', '1m ago'],
    ['2026-01-31T12:00:00Z', 'now'],
  ])('%s is %s', (at, text) => {
    expect(agoText(at, now)).toBe(text)
    expect(timeText(at, now)).toBe(`${at.slice(0, 16).replace('T', ' ')}Z (${text})`)
  })

  it('that is not there stays away', () => {
    expect([agoText(undefined, now), timeText(undefined, now)]).toEqual([undefined, undefined])
  })

  it.each([
    [30 * 86_400, '30d'],
    [30 * 86_400 - 3600, '29d 23h'],
    [86_400 + 59, '1d'],
    [5400, '1h 30m'],
    [61, '1m 1s'],
    [1, '1s'],
    [0, '0s'],
  ])('that last %d seconds are %s', (seconds, text) => {
    expect(lengthText(seconds)).toBe(text)
  })
})

describe('a failure', () => {
  it.each(Object.keys(errorCodes) as ErrorCode[])('with the code %s has the exit code of the one table', (code) => {
    expect(failureOf(new CertctlError(code, 'x')).exitCode).toBe(errorCodes[code].cliExit)
    expect(failureOf(apiError(code, 'x', { status: 400 })).exitCode).toBe(errorCodes[code].cliExit)
    expect(errorCodes[code].cliExit).toBeGreaterThan(0)
  })

  it('whose code only a newer server knows keeps its code and exits 1', () => {
    const failure = failureOf(apiError('quantum_refused', 'no', { status: 400, problem: { code: 'quantum_refused' } }))
    expect(failure).toMatchObject({ code: 'quantum_refused', exitCode: 1, message: 'no' })
  })

  it('nobody foresaw is a fault of ours', () => {
    expect(failureOf(new TypeError('x is not a function'))).toMatchObject({ code: 'internal', exitCode: 1 })
    expect(failureOf('thrown text')).toMatchObject({ code: 'internal', message: 'thrown text' })
  })

  it('with several faults lists each by its field, with one says it once', () => {
    const two = [
      { field: 'name', message: 'must be given' },
      { field: 'config.port', message: 'must be a number' },
    ]
    const message = two.map(({ field, message }) => `${field}: ${message}`).join('; ')
    const text = failureText(
      failureOf(apiError('request_malformed', message, { status: 400, errors: two })),
      'certctl x --help',
    )
    expect(text).toBe(
      'error: Several things are wrong\n  name: must be given\n  config.port: must be a number\nnext: certctl x --help',
    )
    const one = failureOf(
      apiError('request_malformed', 'name: must be given', { status: 400, errors: two.slice(0, 1) }),
    )
    expect(failureText(one, undefined)).toBe('error: name: must be given')
  })

  it('about what is in use says the whole sentence, and not its parts', () => {
    const errors = [
      { field: 'certificates', message: '1: cert-1' },
      { field: 'owners', message: '1: o-ada' },
    ]
    const message = 'The team "t-web" is in use by certificates (1: cert-1) and owners (1: o-ada); give them another'
    const used = failureOf(apiError('conflict', message, { status: 409, errors }))
    expect(failureText(used, undefined)).toBe(`error: ${message}`)
  })

  it('says when to try again and, where it is the server’s fault, under which id it is logged', () => {
    const limited = failureOf(apiError('rate_limited', 'slow down', { status: 429, retryAfterSeconds: 7 }))
    expect(failureText(limited, undefined)).toContain('try again in 7s')
    const broken = failureOf(apiError('internal', 'broken', { status: 500, problem: { request_id: 'req-9' } }))
    expect(failureText(broken, undefined)).toContain('request id: req-9')
    expect(JSON.parse(failureJson(broken, undefined))).toEqual({
      error: { code: 'internal', message: 'broken', request_id: 'req-9' },
    })
  })

  it('is followed by what helps', () => {
    const next = (code: string, words: string[], message = '') => nextStep({ code, message }, words)
    expect(next('unauthenticated', ['issuers', 'list'])).toBe('certctl login')
    expect(next('not_found', ['issuers', 'show'])).toBe('certctl issuers list')
    expect(next('not_found', ['targets', 'create'])).toBeUndefined()
    expect(next('request_malformed', [])).toBe('certctl --help')
    expect(next('conflict', ['issuers', 'delete'])).toBeUndefined()
    expect(next('forbidden', ['issuers', 'delete'], 'deleteIssuer needs issuers.write')).toContain('api-keys create')
    expect(next('forbidden', ['approvals', 'approve'], 'take it back: certctl jobs cancel job-1')).toBeUndefined()
  })
})
