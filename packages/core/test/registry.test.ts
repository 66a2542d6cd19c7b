import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createRegistry, defineTarget, looseType, looseTypesOf, type Registered, z } from '../src/index.js'

const entry = (type: string, from: string, aliases: readonly string[] = []): Registered => ({
  kind: 'target',
  package: from,
  version: '1.0.0',
  definition: defineTarget({
    type,
    aliases,
    displayName: type,
    configSchema: z.strictObject({}),
    capabilities: { platforms: [], verifies: 'none', undo: 'full', holds: 'one' },
    create: () => {
      throw new Error('not called')
    },
  }),
})

describe('the registry', () => {
  it('finds a definition under its type and its aliases, whatever their case and punctuation', () => {
    const registry = createRegistry()
    const added = entry('AWSACMPCA', '@certctl/issuer-aws-acm-pca', ['private-ca'])
    registry.add(added)
    for (const name of ['AWSACMPCA', 'aws-acm-pca', 'Aws_Acm.Pca', 'PrivateCA', 'private ca'])
      expect(registry.find('target', name)).toBe(added)
  })

  it('keeps kinds apart', () => {
    const registry = createRegistry()
    registry.add(entry('Webhook', 'a'))
    expect(registry.find('notifier', 'Webhook')).toBeUndefined()
    expect(registry.list('notifier')).toEqual([])
    expect(registry.list('target').map(({ package: from }) => from)).toEqual(['a'])
  })

  it.each([
    ['type and type', entry('Same', 'first'), entry('SAME', 'second')],
    ['type and alias', entry('Same', 'first'), entry('Other', 'second', ['same'])],
    ['alias and type', entry('Other', 'first', ['s-a-m-e']), entry('Same', 'second')],
    ['alias and alias', entry('One', 'first', ['same']), entry('Two', 'second', ['Same'])],
  ])('refuses twins by %s and names both packages', (_, first, second) => {
    const registry = createRegistry()
    registry.add(first)
    expect(() => registry.add(second)).toThrow(
      expect.objectContaining({ code: 'conflict', message: expect.stringMatching(/first and second/) }),
    )
    expect(registry.list('target')).toEqual([first])
  })

  it('does not call a definition whose alias repeats its type its own twin', () => {
    const registry = createRegistry()
    registry.add(entry('Local', 'a', ['local', 'LOCAL', 'GenericCA']))
    expect(registry.get('target', 'generic-ca').package).toBe('a')
  })

  it('says what there is when a type is missing', () => {
    const registry = createRegistry()
    expect(() => registry.get('target', 'IIS')).toThrow('There is no target connector "IIS" here; there are: none')
    registry.add(entry('F5', 'a'))
    registry.add(entry('SSH', 'b'))
    expect(() => registry.get('target', 'IIS')).toThrow(
      expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('there are: F5, SSH') }),
    )
  })
})

describe('loose types', () => {
  it('are equal for what differs in case and punctuation only', () => {
    const letters = fc.string({ unit: fc.constantFrom(...'abcxyz0189'.split('')), minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(letters, fc.constantFrom('-', '_', ' ', '.'), (word, mark) => {
        expect(looseType(word.toUpperCase().split('').join(mark))).toBe(word)
      }),
    )
  })

  it('of a definition are each listed once', () => {
    expect(looseTypesOf({ type: 'VaultPKI', aliases: ['vault', 'vault-pki'] })).toEqual(['vaultpki', 'vault'])
    expect(looseTypesOf({ type: 'ACME' })).toEqual(['acme'])
  })
})
