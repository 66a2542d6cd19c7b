import { testIssuer } from '@certctl/testing'
import { describe, it } from '@jest/globals'
import vault from '../src/index.js'
import { address, appRole, fakeVault, rootToken } from './fake-vault.js'

// Vault has no way to ask for a certificate by request, so a lost answer is a second certificate: the laws compare what the caller gets.
describe('contract, with a token', () => {
  const config = { addr: address, token: rootToken, role: 'web', ttl: '720h' }
  testIssuer({ test: it, definition: vault, config, createWorld: fakeVault, slug: 'vault-pki' })
})

describe('contract, with an AppRole', () => {
  const config = { addr: address, ...appRole, role: 'web', ttl: '720h' }
  testIssuer({ test: it, definition: vault, config, createWorld: fakeVault })
})
