import { testIssuer } from '@certctl/testing'
import { describe, it } from '@jest/globals'
import acme from '../src/index.js'
import { createFakeWorld } from './fake-world.js'

const macKey = Buffer.from('a MAC key of more than thirty-two bytes, in text')

// The sweep of faults meets every request, state write, record and answer of an order; Pebble's own suite is in pebble/.
describe('contract', () => {
  testIssuer({
    test: it,
    definition: acme,
    config: {
      directory_url: 'https://acme.example.test/directory',
      email: 'ops@example.test',
      dns_provider: 'any',
      dns_propagation_wait: 0,
      eab_kid: 'kid-1',
      eab_hmac: macKey.toString('base64url'),
    },
    createWorld: () =>
      createFakeWorld({ macKey: { kid: 'kid-1', key: macKey }, rejectNonceEvery: 5, revokesByProof: true }),
    slug: 'acme',
  })
})
