import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseCommandLine } from '../src/command-line.js'

const argvOf = (line: string): readonly string[] => {
  const parsed = parseCommandLine(line)
  if (!parsed.ok) throw new Error(parsed.fault)
  return parsed.argv
}
const faultOf = (line: string): string | undefined => {
  const parsed = parseCommandLine(line)
  return parsed.ok ? undefined : parsed.fault
}

describe('a command line', () => {
  it.each([
    ['nginx -t', ['nginx', '-t']],
    ['  systemctl   reload\tnginx  ', ['systemctl', 'reload', 'nginx']],
    [`'/opt/my server/bin/ctl' reload`, ['/opt/my server/bin/ctl', 'reload']],
    ['"/opt/my server/bin/ctl" reload', ['/opt/my server/bin/ctl', 'reload']],
    ['a\\ b c', ['a b', 'c']],
    [`a"b"'c'd`, ['abcd']],
    [`ctl ''`, ['ctl', '']],
    ['ctl "a \\"quoted\\" word"', ['ctl', 'a "quoted" word']],
    ['ctl "a\\\\b"', ['ctl', 'a\\b']],
    [`ctl 'a\\b'`, ['ctl', 'a\\b']],
    ['ctl --name=a,b:c/d@e%f+g', ['ctl', '--name=a,b:c/d@e%f+g']],
  ])('is split as a shell would split words: %s', (line, argv) => {
    expect(argvOf(line)).toEqual(argv)
  })

  it.each([...';&|<>$(){}`*?~#!', '\n', '\r', '\0'])(
    'is refused where only a shell gives %j a meaning',
    (character) => {
      expect(faultOf(`ctl reload ${character} more`)).toContain(JSON.stringify(character))
      expect(faultOf(`ctl "quoted ${character}"`)).toContain('only a shell understands')
    },
  )

  it.each(['ctl "open', "ctl 'open", 'ctl open\\'])('is refused with an unpaired quote or backslash: %s', (line) => {
    expect(faultOf(line)).toContain('without its partner')
  })

  it.each(['', '   ', '""', "'' reload"])('is refused without a program: %j', (line) => {
    expect(faultOf(line)).toBe('must name a program')
  })

  it('that parses contains no shell syntax', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (line) => {
        const parsed = parseCommandLine(line)
        return !parsed.ok || parsed.argv.every((word) => !/[;&|<>$(){}`\r\n\0*?~#!]/.test(word))
      }),
    )
  })

  it('made by quoting words gives the words back', () => {
    const word = fc.string({ unit: fc.constantFrom(...'abcXYZ019 -_=/.,:"\\'.split('')), maxLength: 12 })
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        const argv = ['ctl', ...words]
        expect(argvOf(argv.map((text) => `'${text}'`).join(' '))).toEqual(argv)
      }),
    )
  })
})
