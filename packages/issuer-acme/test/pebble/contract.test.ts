import { testIssuer } from '@certctl/testing'
import { describe, it } from '@jest/globals'
import acme from '../../src/index.js'
import { dns, start } from '../orders.js'
import { createPebbleHost } from './host.js'
import { type LivePebble, withPebble } from './with-pebble.js'

// The laws count requests and compare runs, so that nonces are not refused at random here; every other suite has them refused.
withPebble(runLaws, { environment: { PEBBLE_WFE_NONCEREJECT: '0' } })

function runLaws({ pebble, config }: LivePebble): void {
  describe('contract', () => {
    testIssuer({
      test: it,
      definition: { ...acme, create: (_, host) => start(host, config({ dns_provider: 'any' })) },
      config: { directory_url: 'https://acme.example.test/directory' },
      createWorld: () => ({ host: createPebbleHost(pebble()), sweep: false }),
      names: [dns('www.example.test'), dns('*.example.test')],
      slug: 'acme',
    })
  })
}
