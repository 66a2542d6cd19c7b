import type { StateStore } from '@certctl/core'
import { createTestIssuerHost, type IssuerWorld, testIssuer } from '@certctl/testing'
import { describe, it } from '@jest/globals'
import local from '../src/index.js'

/** The product itself: nothing stands between the connector and its sealed state. */
function createWorld(): IssuerWorld {
  const host = createTestIssuerHost()
  return { host, issued: () => count(host.state, 'issued/'), revocations: () => count(host.state, 'revoked/') }
}

async function count(state: StateStore, prefix: string): Promise<number> {
  let found = 0
  for await (const _ of state.list(prefix)) found += 1
  return found
}

describe('contract', () => {
  testIssuer({ test: it, definition: local, config: {}, createWorld, slug: 'local' })
})
