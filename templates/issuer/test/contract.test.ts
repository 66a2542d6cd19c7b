import assert from 'node:assert/strict'
import { describe, it } from '@@RUNNER@@'
import { testIssuer } from '@certctl/testing'
import example from '../src/index.js'
import { comparedWith, config, fakeExample } from './fake-example.js'

describe('laws', () => {
  testIssuer({ test: it, definition: example, config, createWorld: fakeExample, slug: 'example' })
})

describe('the model', () => {
  it('says which version of the product it was compared with', async () => {
    assert.ok(comparedWith !== undefined, 'Compare the model with the real product, and say so in fake-example.ts')
  })
})
