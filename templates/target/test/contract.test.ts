import assert from 'node:assert/strict'
import { describe, it } from '@@RUNNER@@'
import { testTarget } from '@certctl/testing'
import example from '../src/index.js'
import { comparedWith, fakeExample } from './fake-example.js'

const config = { cert_path: '/etc/example/site.pem', key_path: '/etc/example/site.key' }

describe('laws', () => {
  testTarget({ test: it, definition: example, config, createWorld: () => fakeExample(config), slug: 'example' })
})

describe('the model', () => {
  it('says which version of the product it was compared with', async () => {
    assert.ok(comparedWith !== undefined, 'Compare the model with the real product, and say so in fake-example.ts')
  })
})
