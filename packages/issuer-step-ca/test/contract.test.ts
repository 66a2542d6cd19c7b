import { testIssuer } from '@certctl/testing'
import { describe, it } from '@jest/globals'
import stepCa from '../src/index.js'
import { address, fakeStepCa, keyPath, password, rootPath } from './fake-step-ca.js'

// step-ca cannot be asked for a certificate by request, so a lost answer is a second certificate: the laws compare what the caller gets.
describe('contract, with files', () => {
  const config = {
    ca_url: address,
    provisioner_name: 'adm',
    provisioner_key_path: keyPath,
    provisioner_password: password,
    root_cert_path: rootPath,
    validity_days: 90,
  }
  testIssuer({ test: it, definition: stepCa, config, createWorld: fakeStepCa, slug: 'step-ca' })
})

const { rootFingerprint } = await fakeStepCa()
describe('contract, with a fingerprint and the key that the CA hands out', () => {
  const config = {
    ca_url: address,
    provisioner_name: 'adm',
    provisioner_password: password,
    root_fingerprint: rootFingerprint,
  }
  testIssuer({ test: it, definition: stepCa, config, createWorld: fakeStepCa })
})
