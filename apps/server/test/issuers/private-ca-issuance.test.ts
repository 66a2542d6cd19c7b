import { writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { type HttpsEjbca, startHttpsEjbca } from '../../../../packages/issuer-ejbca/test/https-server.js'
import {
  createRealCa,
  removeRealCas,
  removeTemplate,
  skipped,
} from '../../../../packages/issuer-openssl/test/real-ca.js'
import { createProvisionerMaterial } from '../../../../packages/issuer-step-ca/test/provisioner-material.js'
import { createStepCa, programs, type StepCa } from '../../../../packages/issuer-step-ca/test/step-ca-process.js'
import { createToken } from '../../../../packages/issuer-vault-pki/test/live-world.js'
import { baoPath, type OpenBao, startOpenBao } from '../../../../packages/issuer-vault-pki/test/openbao-process.js'
import { createIssuerScene, type Issued, type IssuerScene } from './issuer-scene.js'
import { onRealProduct } from './on-real-product.js'
import {
  type PrintedConfiguration,
  printedEjbca,
  printedOpenssl,
  printedStepCa,
  printedVault,
  variablesOf,
} from './printed-configurations.js'

let scene: IssuerScene | undefined
afterEach(async () => {
  await scene?.close()
  scene = undefined
})

/** What of a printed configuration is another here: where the CA is, and what its files are called. */
interface Real {
  config: object
  environment: Readonly<Record<string, string>>
  folder?: string
}

/** One certificate of the environment's issuer and one of the API's. */
async function issueTwice(printed: PrintedConfiguration, { config, environment, folder }: Real): Promise<Issued[]> {
  const moved = (text: string): string =>
    folder === undefined ? text : text.replaceAll('/etc/certctl/openssl', folder)
  const scripts: Record<string, string> = folder === undefined ? {} : { CERTCTL_SCRIPTS_DIR: folder }
  scene = await createIssuerScene({ ...variablesOf(moved(printed.environment)), ...environment, ...scripts })
  await scene.add('iss-api', printed.type, { ...(JSON.parse(moved(printed.config)) as object), ...config })
  const issued = [await scene.issue(printed.id, 'env.example.test'), await scene.issue('iss-api', 'api.example.test')]
  for (const { certificate, names, isForOurKey } of issued)
    expect({ names: certificate.names, isForOurKey }).toEqual({ names, isForOurKey: true })
  return issued
}

const hours = ({ certificate: { notBefore, notAfter } }: Issued): number =>
  (notAfter.getTime() - notBefore.getTime()) / 3_600_000

describe('issues through the lifecycle, from the environment and over the API:', () => {
  onRealProduct('step-ca', programs, (found) => {
    let ca: StepCa
    let keyPath: string
    beforeAll(async () => {
      const { provisioner_name, provisioner_password } = JSON.parse(printedStepCa.config) as Record<string, string>
      const material = await createProvisionerMaterial(provisioner_name ?? '', provisioner_password ?? '')
      ca = await createStepCa(found, [{ material }])
      keyPath = ca.at('provisioner.json')
      writeFileSync(keyPath, material.jwe, { mode: 0o600 })
      await ca.start()
    })
    afterAll(() => ca?.close())

    it('a real step-ca, which caps the ninety days at its day', async () => {
      const issued = await issueTwice(printedStepCa, {
        config: { ca_url: ca.address, provisioner_key_path: keyPath, root_cert_path: ca.rootPath },
        environment: {
          CERTCTL_STEPCA_URL: ca.address,
          CERTCTL_STEPCA_KEY_PATH: keyPath,
          CERTCTL_STEPCA_ROOT_CERT: ca.rootPath,
        },
      })
      for (const one of issued) expect(hours(one)).toBeLessThan(24.1)
    })
  })

  onRealProduct('OpenBao', baoPath, (found) => {
    let bao: OpenBao
    beforeAll(async () => {
      bao = await startOpenBao(found)
      await bao.api('POST', 'sys/mounts/pki', { type: 'pki', config: { max_lease_ttl: '87600h' } })
      await bao.api('POST', 'pki/root/generate/internal', { common_name: 'Root', ttl: '87600h', key_type: 'ec' })
      const role = { allow_any_name: true, enforce_hostnames: false, key_type: 'any', max_ttl: '720h' }
      await bao.api('POST', 'pki/roles/web', role)
      const policy = 'path "pki/sign/web" { capabilities = ["update"] }'
      await bao.api('PUT', 'sys/policies/acl/certctl', { policy })
    })
    afterAll(() => bao?.close())

    it('a real OpenBao, whose role caps the year at thirty days', async () => {
      const token = await createToken(bao, { ttl: '1h' })
      const issued = await issueTwice(printedVault, {
        config: { addr: bao.address, token, ca_cert: bao.caPath },
        environment: {
          CERTCTL_VAULT_ADDR: bao.address,
          CERTCTL_VAULT_TOKEN: token,
          CERTCTL_VAULT_CA_CERT: bao.caPath,
        },
      })
      for (const one of issued) expect(Math.round(hours(one))).toBe(720)
    })
  })

  describe('EJBCA, which is a fake of ours behind real TLS,', () => {
    let ejbca: HttpsEjbca
    afterEach(() => ejbca?.close())

    it('with a client certificate', async () => {
      ejbca = await startHttpsEjbca()
      const { api_url, client_cert_path, client_key_path, server_ca_path } = ejbca.config
      await issueTwice(printedEjbca.mtls, {
        config: { api_url, client_cert_path, client_key_path, server_ca_path },
        environment: {
          CERTCTL_EJBCA_API_URL: api_url,
          CERTCTL_EJBCA_CLIENT_CERT_PATH: client_cert_path,
          CERTCTL_EJBCA_CLIENT_KEY_PATH: client_key_path,
          CERTCTL_EJBCA_SERVER_CA_PATH: server_ca_path,
        },
      })
      expect(ejbca.fake.certificates).toHaveLength(2)
    })

    it('with a bearer token', async () => {
      ejbca = await startHttpsEjbca({ auth: 'oauth2', tokens: () => ['token-of-ejbca'] })
      const { api_url, server_ca_path } = ejbca.config
      await issueTwice(printedEjbca.oauth2, {
        config: { api_url, server_ca_path },
        environment: { CERTCTL_EJBCA_API_URL: api_url, CERTCTL_EJBCA_SERVER_CA_PATH: server_ca_path },
      })
      expect(ejbca.fake.certificates).toHaveLength(2)
    })
  })

  describe('scripts', () => {
    afterAll(() => {
      removeRealCas()
      removeTemplate()
    })

    const test = skipped === undefined ? it : it.skip
    test(`the examples around a real openssl ca${skipped === undefined ? '' : ` (${skipped})`}`, async () => {
      const ca = createRealCa()
      await issueTwice(printedOpenssl, { config: {}, environment: {}, folder: ca.folder })
      expect(ca.count('V')).toBe(2)
    })
  })
})
