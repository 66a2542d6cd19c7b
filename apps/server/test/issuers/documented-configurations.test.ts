import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readConfig } from '../../src/config.js'
import { syncEnvironmentInstances } from '../../src/connectors/environment-instances.js'
import { readEnvironment } from '../../src/connectors/read-environment.js'
import { unknownSettings } from '../../src/unknown-settings.js'
import { createIssuerScene, type IssuerScene } from './issuer-scene.js'
import {
  foreignVaultSample,
  type PrintedConfiguration,
  printedAcmeOf,
  printedConfigurations,
  printedOpenssl,
  variablesOf,
} from './printed-configurations.js'

const scripts = ['dns/create-record.sh', 'dns/delete-record.sh', 'openssl/sign', 'openssl/revoke', 'openssl/crl']
const secrets = /your-zerossl-eab-hmac|hvs\.token|token-of-ejbca|"\.\.\."/

let scene: IssuerScene
/** Stands for /etc/certctl on the operator's machine. */
let folder: string

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'certctl-etc-')))
  for (const part of ['dns', 'openssl']) await mkdir(join(folder, part))
  for (const path of scripts) {
    await writeFile(join(folder, path), '#!/bin/true\n')
    await chmod(join(folder, path), 0o755)
  }
  scene = await createIssuerScene({ CERTCTL_SCRIPTS_DIR: folder })
})
afterAll(async () => {
  await scene?.close()
  await rm(folder, { recursive: true, force: true })
})

const hasScripts = (text: string): boolean => /sign_script|present_script/.test(text)

describe('from the environment', () => {
  it.each(printedConfigurations)('$name is taken as printed', async ({ id, type, environment }) => {
    const { app } = scene
    await syncEnvironmentInstances(app.services, readConfig(variablesOf(environment)).environment)
    const { json } = await app.admin('GET', `/api/v1/issuers/${id}`)
    expect(json).toMatchObject({ id, type, source: 'env', enabled: true, available: true })
    expect(JSON.stringify(json)).not.toMatch(secrets)
    expect(await app.services.connections.issuer(id)).toMatchObject({ id, type, enabled: true })
  })

  it.each(printedConfigurations)('$name means what it means over the API', async ({ id, environment, config }) => {
    const found = await readEnvironment(scene.app.services, variablesOf(environment))
    const given = found.find(({ instance }) => instance.id === id)
    const definition = given?.entry.definition
    if (given === undefined || definition === undefined) throw new Error(`${id} is not made`)
    const parse = (raw: unknown) => parseConfig<unknown>(definition.configSchema, raw, id) as Record<string, unknown>
    const [one, other] = [parse(given.config), parse(JSON.parse(config))]
    for (const field of Object.keys(given.config)) expect(one[field]).toEqual(other[field])
  })

  it.each(printedConfigurations)('$name has no variable that nobody reads', ({ environment }) => {
    const { registry } = scene.app.services
    const read = [...registry.list('issuer'), ...registry.list('dns')]
      .flatMap(({ definition }) => definition.environment ?? [])
      .flatMap(({ variables }) => Object.values(variables))
    expect(unknownSettings(readConfig(variablesOf(environment)), read)).toEqual([])
  })

  it('the issuers of ACME are there without any variable, each with the directory of its own', async () => {
    await syncEnvironmentInstances(scene.app.services, {})
    for (const [id, host] of [
      ['iss-acme-staging', 'acme-staging-v02.api.letsencrypt.org'],
      ['iss-acme-prod', 'acme-v02.api.letsencrypt.org'],
    ]) {
      const { json } = await scene.app.admin('GET', `/api/v1/issuers/${id}`)
      expect(json).toMatchObject({ available: true, config: { directory_url: `https://${host}/directory` } })
    }
  })
})

describe('over the API', () => {
  const post = async (printed: Pick<PrintedConfiguration, 'type' | 'config'>, name: string) => {
    const config: unknown = JSON.parse(printed.config.replaceAll('/etc/certctl', folder))
    return await scene.app.admin('POST', '/api/v1/issuers', { name, type: printed.type, config })
  }

  it.each(printedConfigurations)('$name is taken as printed', async (printed) => {
    const { status, json, text } = await post(printed, `API: ${printed.name}`)
    expect({ status, text }).toMatchObject({ status: 201 })
    expect(json).toMatchObject({ type: printed.type, source: 'api', enabled: true, available: true })
    expect(text).not.toMatch(secrets)
    const stored = (await scene.app.admin('GET', `/api/v1/issuers/${String(json.id)}`)).json.config
    const asked = JSON.parse(printed.config.replaceAll('/etc/certctl', folder)) as Record<string, unknown>
    for (const [field, value] of Object.entries(asked))
      expect([value, '********']).toContainEqual((stored as Record<string, unknown>)[field])
  })

  it.each(printedConfigurations.filter(({ config }) => hasScripts(config)))(
    '$name is refused where its scripts lie outside the directory for scripts, which is named',
    async ({ type, config }) => {
      const { status, json } = await scene.app.admin('POST', '/api/v1/issuers', {
        name: 'outside',
        type,
        config: JSON.parse(
          config.replaceAll('/etc/certctl', '/usr/bin').replace(/\/usr\/bin\/[a-z]+\/[a-z-]+(\.sh)?/g, '/usr/bin/env'),
        ),
      })
      expect({ status, code: json.code }).toEqual({ status: 400, code: 'config_invalid' })
      expect(json.detail).toContain('CERTCTL_SCRIPTS_DIR')
    },
  )

  it('the names of another sample for Vault are refused one by one, with the name that is missing', async () => {
    const { status, json } = await scene.app.admin('POST', '/api/v1/issuers', {
      name: 'foreign',
      type: 'VaultPKI',
      config: JSON.parse(foreignVaultSample),
    })
    expect({ status, code: json.code }).toEqual({ status: 400, code: 'config_invalid' })
    expect(json.errors).toEqual([
      { field: 'config.addr', message: 'must be given' },
      { field: 'config.role', message: 'must be given' },
      { field: 'config.address', message: 'is not a known field' },
      { field: 'config.pki_path', message: 'is not a known field' },
      { field: 'config.role_name', message: 'is not a known field' },
    ])
    expect(json.detail).not.toMatch(secrets)
  })

  it('a script issuer without a script to sign is refused, as are halves of a binding', async () => {
    const { sign_script: _, ...unsigned } = JSON.parse(printedOpenssl.config) as Record<string, unknown>
    const { eab_hmac: __, ...half } = JSON.parse(printedAcmeOf('ZeroSSL with credentials').config) as Record<
      string,
      unknown
    >
    const refused = async (type: string, config: object) =>
      (await scene.app.admin('POST', '/api/v1/issuers', { name: 'x', type, config })).json.detail
    expect(await refused('OpenSSL', unsigned)).toContain('sign_script')
    expect(await refused('ACME', half)).toContain('eab_kid and eab_hmac go together')
  })
})
