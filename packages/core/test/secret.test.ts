import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { format, inspect } from 'node:util'
import { serialize } from 'node:v8'
import { describe, expect, it } from '@jest/globals'
import { isSecret, Secret } from '../src/secret.js'

const canary = 'canary-5f1c'
const secret = new Secret(canary)

describe('a secret', () => {
  it('is given by reveal', () => {
    expect(secret.reveal()).toBe(canary)
  })

  it.each<[string, () => string]>([
    ['a template', () => `${secret}`],
    ['String()', () => String(secret)],
    ['concatenation', () => `${'x'}${secret}`],
    ['toString', () => secret.toString()],
    ['JSON', () => JSON.stringify({ secret, list: [secret] })],
    ['inspect', () => inspect(secret)],
    ['inspect of everything', () => inspect({ deep: { secret } }, { showHidden: true, depth: 9, getters: true })],
    ['inspect without custom printers', () => inspect(secret, { customInspect: false, showHidden: true })],
    ['format %s', () => format('%s', secret)],
    ['format %o', () => format('%o', secret)],
    ['format %j', () => format('%j', secret)],
    ['a list joined', () => [secret].join()],
    ['its own keys', () => Object.getOwnPropertyNames(secret).join()],
    ['its entries', () => JSON.stringify(Object.entries(secret))],
    ['a spread copy', () => inspect({ ...secret })],
    ['an error message', () => inspect(new Error(`cannot use ${secret}`))],
    ['an error cause', () => inspect(new Error('no', { cause: secret }))],
    ['a map', () => inspect(new Map([[secret, secret]]))],
    ['bytes', () => serialize({ ...secret }).toString('latin1')],
  ])('does not show in %s', (_, print) => {
    expect(print()).not.toContain(canary)
  })

  it('prints as [secret] in text and in JSON', () => {
    expect(`${secret}`).toBe('[secret]')
    expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}')
    expect(inspect({ secret })).toBe('{ secret: [secret] }')
  })

  it('does not show on a console', () => {
    const lines: string[] = []
    const sink = new Writable({
      write(chunk, _, done) {
        lines.push(String(chunk))
        done()
      },
    })
    const printer = new Console(sink, sink)
    printer.log('%s %o', secret, secret, { secret })
    printer.table([{ secret }])
    printer.dir(secret, { showHidden: true })
    expect(lines.join('')).toContain('[secret]')
    expect(lines.join('')).not.toContain(canary)
  })

  it('is recognised when another copy of the package made it', () => {
    const foreign = Object.defineProperty({ reveal: () => canary }, Symbol.for('certctl.secret.reveal'), {
      value: true,
    })
    expect(isSecret(foreign)).toBe(true)
    expect(isSecret(secret)).toBe(true)
    expect([undefined, null, canary, {}, { reveal: () => canary }].map(isSecret)).toEqual(Array(5).fill(false))
  })
})
