import { testDns } from '@certctl/testing'
import { describe, it } from '@jest/globals'
import script from '../src/index.js'
import { fakeHooks, hookPaths } from './fake-hooks.js'

describe('contract', () => {
  testDns({ test: it, definition: script, config: hookPaths, createWorld: fakeHooks, slug: 'script' })
})
