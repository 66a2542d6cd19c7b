import { describe, expect, it } from '@jest/globals'
import { nouns, topVerbs } from '../src/nouns.js'
import type { Verb } from '../src/verb.js'
import { runInTerminal, wordsOf } from './terminal.js'

const everyVerb: (readonly [command: string, verb: Verb])[] = [
  ...topVerbs.map((verb) => [verb.name, verb] as const),
  ...nouns.flatMap((noun) => noun.verbs.map((verb) => [`${noun.name} ${verb.name}`, verb] as const)),
]
const options = { environment: {}, home: '/nonexistent', clock: { now: 0 } }
const globalFlags = ['--server', '--api-key-file', '--ca-bundle', '--pin', '--insecure', '--config', '--json']

describe('help', () => {
  it.each(everyVerb)('of %s says what it is, every option, and an example', async (command, verb) => {
    const { exitCode, stdout, stderr } = await runInTerminal([...command.split(' '), '--help'], options)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const text = stdout.replace(/\s+/g, ' ')
    expect(text).toContain(verb.summary)
    for (const flags of Object.keys(verb.options)) expect(text).toContain(flags.replace('...', ''))
    for (const example of verb.examples) expect(text).toContain(example.replace(/\s+/g, ' '))
    expect(verb.examples.length).toBeGreaterThan(0)
  })

  it.each(everyVerb)('of %s gives only examples that would be understood', (command, verb) => {
    const known = [...globalFlags, ...Object.keys(verb.options).map((flags) => flags.split(/[ ,]/)[0])]
    for (const example of verb.examples) {
      const words = wordsOf(example)
      const start = words.indexOf('certctl')
      expect(words.slice(start + 1).join(' ')).toContain(command)
      for (const word of words.filter((one) => one.startsWith('--'))) expect(known).toContain(word)
    }
  })

  it.each(nouns.map(({ name }) => name))('of the noun %s lists its verbs', async (name) => {
    const { exitCode, stdout } = await runInTerminal([name, '--help'], options)
    expect(exitCode).toBe(0)
    for (const verb of nouns.find((noun) => noun.name === name)?.verbs ?? []) expect(stdout).toContain(verb.name)
  })

  it('needs neither a server nor a key', async () => {
    const { exitCode, stdout } = await runInTerminal(['--help'], options)
    expect(exitCode).toBe(0)
    for (const { name, summary } of nouns)
      expect(stdout.replace(/\s+/g, ' ')).toContain(summary.replace(/\s+/g, ' ') || name)
  })

  it('comes with the refusal when a noun stands alone', async () => {
    const { exitCode, stdout, stderr } = await runInTerminal(['issuers'], options)
    expect(exitCode).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('Usage: certctl issuers')
    expect(stderr).toContain('next: certctl issuers --help')
  })

  it('does not name the option that shows a key to everybody', async () => {
    const { stdout } = await runInTerminal(['--help'], options)
    expect(stdout).not.toMatch(/--api-key </)
  })
})

describe('the words of a command', () => {
  it('are never the same for two verbs of a noun, nor for two nouns', () => {
    const wordsOfAll = (all: readonly { name: string; aliases: readonly string[] }[]) =>
      all.flatMap(({ name, aliases }) => [name, ...aliases])
    const top = wordsOfAll([...nouns, ...topVerbs])
    expect(new Set(top).size).toBe(top.length)
    for (const { verbs } of nouns) expect(new Set(wordsOfAll(verbs)).size).toBe(wordsOfAll(verbs).length)
  })
})
