import { testDns } from '@certctl/testing'
import { describe, it } from '@jest/globals'
import route53 from '../src/index.js'
import { accountConfig, fakeRoute53 } from './fake-route53.js'

describe('contract', () => {
  testDns({ test: it, definition: route53, config: accountConfig, createWorld: fakeRoute53, slug: 'route53' })
})
