import { testDns } from '@certctl/testing'
import { describe, it } from '@jest/globals'
import rfc2136 from '../src/index.js'
import { fakeNameServer, keyConfig } from './fake-name-server.js'

describe('contract', () => {
  testDns({ test: it, definition: rfc2136, config: keyConfig, createWorld: () => fakeNameServer(), slug: 'rfc2136' })
})
