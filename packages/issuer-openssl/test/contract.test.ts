import { rmSync } from 'node:fs'
import { testIssuer } from '@certctl/testing'
import { afterAll, describe, it } from '@jest/globals'
import openssl from '../src/index.js'
import { configIn, createScriptsFolder, createWorld, removeTemplate, skipped } from './real-ca.js'

const folder = createScriptsFolder()
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  removeTemplate()
})

/** The laws over the example scripts and the real OpenSSL. */
const suite = skipped === undefined ? describe : describe.skip
suite(skipped ?? 'contract, on the real openssl ca', () => {
  const config = configIn(folder)
  testIssuer({ test: it, definition: openssl, config, createWorld: () => createWorld(folder), slug: 'openssl' })
})
