import { generateKey } from '@certctl/pki'
import { createTestCa } from '@certctl/testing'
import { caName } from './fake-ejbca.js'
import { apiUrl, paths, tokenUrl } from './fake-world.js'

/** A CA for the fake to sign with, and the administrator who may ask it. */
export async function createEjbcaMaterial() {
  const [ca, admins, key] = await Promise.all([createTestCa(), createTestCa(), generateKey('EC-P256')])
  const adminPem = await admins.certify(key.spki, {
    names: [{ type: 'dns', value: 'ra.example.test' }],
    extendedKeyUsages: ['clientAuth'],
  })
  return { ca, admins, adminPem, adminKeyPem: key.privateKeyPem }
}

export const mtlsConfig = { api_url: apiUrl, client_cert_path: paths.cert, client_key_path: paths.key, ca_name: caName }
export const oauthConfig = {
  api_url: apiUrl,
  auth_mode: 'oauth2',
  ca_name: caName,
  token_url: tokenUrl,
  client_id: 'certctl',
  client_secret: 'the-client-secret',
}
export const tokenConfig = { api_url: apiUrl, auth_mode: 'oauth2', ca_name: caName, token: 'a-static-bearer-token' }
