import type { webcrypto } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { engine, pkijs, x509 } from '../src/provider.js'

describe('the engine', () => {
  it('is one for both libraries', () => {
    expect(x509.cryptoProvider.get()).toBe(engine)
    expect(pkijs.getEngine().name).toBe('certctl')
    expect(pkijs.getCrypto(true)).toBeDefined()
  })

  it('knows the old cipher that the platform’s own does not', async () => {
    const algorithm = { name: 'DES-EDE3-CBC', length: 192 } as const
    const key = await engine.subtle.generateKey(algorithm, true, ['encrypt', 'decrypt'])
    const iv = new Uint8Array(8)
    const sealed = await engine.subtle.encrypt({ ...algorithm, iv }, key as webcrypto.CryptoKey, Buffer.from('old'))
    const opened = await engine.subtle.decrypt({ ...algorithm, iv }, key as webcrypto.CryptoKey, sealed)
    expect(Buffer.from(opened).toString()).toBe('old')
  })
})
