import { testIssuer } from '@certctl/testing'
import { describe, it } from '@jest/globals'
import ejbca from '../src/index.js'
import { fakeWorld } from './fake-world.js'
import { createEjbcaMaterial, mtlsConfig, oauthConfig, tokenConfig } from './material.js'

const material = await createEjbcaMaterial()
const laws = { test: it, definition: ejbca, slug: 'ejbca' }

describe('contract, with a client certificate', () => {
  testIssuer({ ...laws, config: mtlsConfig, createWorld: () => fakeWorld(material) })
})

describe('contract, with tokens for a client, where somebody approves', () => {
  const createWorld = () => fakeWorld(material, { auth: 'oauth2', approveEnrolment: true })
  testIssuer({ ...laws, config: oauthConfig, createWorld })
})

describe('contract, with a token of somebody else, at a release that does not number its requests', () => {
  const createWorld = () =>
    fakeWorld(material, {
      auth: 'oauth2',
      staticToken: tokenConfig.token,
      approveEnrolment: true,
      tellsRequestId: false,
      approveRevocation: true,
    })
  testIssuer({ ...laws, config: tokenConfig, createWorld })
})
