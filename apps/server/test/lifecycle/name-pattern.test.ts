import { isCertctlError } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { namePattern } from '../../src/lifecycle/policy/name-pattern.js'

const dns = { ignoreCase: true }

function faultOf(text: string): string {
  try {
    namePattern(text, dns)
    return 'accepted'
  } catch (error) {
    if (!isCertctlError(error)) throw error
    expect(error.code).toBe('request_malformed')
    return error.message
  }
}

describe('a name pattern', () => {
  it.each([
    ['www\\.example\\.com', 'www.example.com', true],
    ['www\\.example\\.com', 'wwwxexample.com', false],
    ['.*\\.example\\.com', 'a.b.example.com', true],
    ['.*\\.example\\.com', 'example.com', false],
    ['^[a-z0-9-]+\\.example\\.com$', 'web-01.example.com', true],
    ['^[a-z0-9-]+\\.example\\.com$', 'a.b.example.com', false],
    ['(www|api)\\.example\\.com', 'api.example.com', true],
    ['(?:www|api)\\.example\\.com', 'ftp.example.com', false],
    ['web\\d{2}\\.example\\.com', 'web07.example.com', true],
    ['web\\d{2}\\.example\\.com', 'web7.example.com', false],
    ['web\\d{1,3}', 'web123', true],
    ['web\\d{1,3}', 'web1234', false],
    ['web\\d{2,}', 'web1', false],
    ['a?b', 'b', true],
    ['[^.]+\\.test', 'a.test', true],
    ['[^.]+\\.test', 'a.b.test', false],
    ['[]a]+', ']a', true],
    ['[a-]+', 'a-', true],
    ['\\*\\.example\\.com', '*.example.com', true],
    ['|a', '', true],
    ['(a|)b', 'b', true],
  ])('%s says of %s: %s', (text, name, expected) => {
    expect(namePattern(text, dns).matches(name)).toBe(expected)
  })

  it('matches whole names only, so that a longer name does not slip past', () => {
    const pattern = namePattern('example\\.com', dns)
    expect(pattern.matches('example.com')).toBe(true)
    expect(pattern.matches('example.com.evil.test')).toBe(false)
    expect(pattern.matches('evil-example.com')).toBe(false)
  })

  it('with an anchor in one alternative holds the other to the whole name too', () => {
    const pattern = namePattern('^a|b$', dns)
    expect(['a', 'b', 'ax', 'xb'].map((name) => pattern.matches(name))).toEqual([true, true, false, false])
  })

  it('with an anchor in the middle matches nothing', () => {
    expect(namePattern('a^b', dns).matches('ab')).toBe(false)
    expect(namePattern('a$b', dns).matches('ab')).toBe(false)
  })

  it('that begins with *. stands for one label and the name as it is', () => {
    const pattern = namePattern('*.example.com', dns)
    expect(pattern.matches('www.example.com')).toBe(true)
    expect(pattern.matches('*.example.com')).toBe(true)
    expect(pattern.matches('a.b.example.com')).toBe(false)
    expect(pattern.matches('example.com')).toBe(false)
    expect(pattern.matches('www.examplexcom')).toBe(false)
  })

  it('ignores case for host names and heeds it for URIs', () => {
    expect(namePattern('WWW\\.[A-E]xample', dns).matches('www.example')).toBe(true)
    expect(namePattern('[^a]', dns).matches('A')).toBe(false)
    const uri = namePattern('spiffe://Example/.+', { ignoreCase: false })
    expect([uri.matches('spiffe://Example/a'), uri.matches('spiffe://example/a')]).toEqual([true, false])
  })

  it.each([
    ['', 'position 1'],
    ['a(b', 'position 2 ("("): opens a group that is not closed'],
    ['a)b', 'position 2 (")"): closes a group that was not opened'],
    ['[a-z', 'position 1 ("["): opens a class'],
    ['[z-a]', 'position 2 ("z"): is a range'],
    ['ab**', 'position 4 ("*"): repeats what is repeated'],
    ['+a', 'position 1 ("+"): has nothing before it'],
    ['a{2', 'position 2 ("{"): is no count'],
    ['a{5,2}', 'position 2 ("{"): has its bounds'],
    ['a{1000}', 'position 2 ("{"): repeats more than 64'],
    ['^*', 'position 1 ("^"): is an anchor'],
    ['a\\', 'position 2 ("\\"): escapes nothing'],
    ['\\q', 'position 1 ("\\"): \\q is not known'],
    ['(?=a)', 'position 2 ("?"): is no group'],
    ['[\\q]', 'position 3 ("q"): \\q is not known in a class'],
    ['[[:alpha:]]', 'position 2 ("["): begins a named class'],
    ['*.exa(mple', 'position 6 ("("): is no part of a name'],
    ['a'.repeat(600), 'has more than 512 characters'],
    ['('.repeat(30), 'is in more than 20 groups'],
  ])('that cannot be read (%s) is refused, naming where and why', (text, expected) => {
    expect(faultOf(text)).toContain(expected)
  })

  it('that would grow beyond measure is refused', () => {
    expect(faultOf('((a{64}){64}){64}')).toContain('too large')
    expect(faultOf('(a{64}){8}a')).toContain('more than 512 instructions')
    expect(namePattern('(a{64}){8}', dns).matches('a'.repeat(512))).toBe(true)
  })

  it('is given up as soon as it costs more than it may', () => {
    const pattern = namePattern('(.*a){12}', dns)
    const name = 'a'.repeat(200)
    const { steps } = pattern.run(name)
    expect(pattern.run(name, steps)).toEqual({ matches: true, steps })
    const short = pattern.run(name, 1000)
    expect(short.matches).toBe(false)
    expect(short.steps).toBeGreaterThan(1000)
    expect(short.steps).toBeLessThan(1000 + 2 * 513)
    expect(pattern.run(name, steps - 1).matches).toBe(false)
  })

  it.each(['(a+)+$', '(a*)*b', '(a|a)*b', '(a|aa)+$', '(.*a){12}', '((a?){20}a{20})', '(x+x+)+y', '([a-z]+)*!'])(
    '%s costs no more than its size for each character, whatever the name is',
    (text) => {
      const pattern = namePattern(text, dns)
      const perCharacter = [200, 400, 800, 1600].map((length) => {
        const { steps } = pattern.run(`${'a'.repeat(length)}!`)
        return steps / length
      })
      const [first = 0, last = 0] = [perCharacter[0], perCharacter.at(-1)]
      expect(last).toBeLessThanOrEqual(first * 1.1)
    },
  )

  it('that repeats nothing many times over is read at once', () => {
    let text = '()'
    for (let depth = 0; depth < 18; depth++) text = `(${text}{64})`
    expect(namePattern(text, dns).matches('')).toBe(true)
    expect(namePattern(text, dns).matches('a')).toBe(false)
  })

  it('agrees with the regular expressions of the language on small patterns and names', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\.')
    const { pattern } = fc.letrec<{ pattern: string; part: string }>((tie) => ({
      part: fc.oneof(
        { maxDepth: 3 },
        atom,
        fc.tuple(atom, fc.constantFrom('*', '+', '?', '{1,2}')).map(([one, times]) => one + times),
        fc.tuple(tie('pattern'), fc.constantFrom('', '*', '+', '?', '{2}')).map(([one, times]) => `(${one})${times}`),
      ),
      pattern: fc
        .array(fc.array(tie('part'), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 })
        .map((alternatives) => alternatives.map((parts) => parts.join('')).join('|')),
    }))
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 6 })
    fc.assert(
      fc.property(pattern, name, (text, tried) => {
        const expected = new RegExp(`^(?:${text})$`).test(tried)
        return namePattern(text, { ignoreCase: false }).matches(tried) === expected
      }),
      { numRuns: 600 },
    )
  })

  it('never throws anything but a refusal, whatever is written', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab.*+?()[]{}|^$\\-,1: é') }), fc.string(), (text, name) => {
        try {
          const { steps } = namePattern(text, dns).run(name)
          return steps <= 513 * (name.length + 1) * 2
        } catch (error) {
          return isCertctlError(error) && error.code === 'request_malformed'
        }
      }),
      { numRuns: 600 },
    )
  })
})
