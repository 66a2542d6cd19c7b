import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { discoverConnectors, type ErrorCode } from '@certctl/core'
import { createCsr, generateKey, parseCertificate, splitCertificates } from '@certctl/pki'
import { createTestCa, type TestCa } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createConnection } from '../../../src/inventory/create-connection.js'
import { renewCertificate } from '../../../src/lifecycle/asking/renew-certificate.js'
import { cancelJob } from '../../../src/lifecycle/cancel-job.js'
import { createScene, operator, type Scene } from '../../lifecycle/scene.js'
import { openAcme, openEjbca, openStepCa, openVault } from './http-cas.js'
import { openScript } from './script-ca.js'
import type { Misbehaviour, ServedCa } from './served-ca.js'

const hour = 3600
/** No failure is tried again sooner (a minute, less a tenth). */
const shortestPause = 50

interface Material {
  leaf: string
  /** Another one for the same key, as a CA signs when it is asked again. */
  nextLeaf: string
  /** For the same names and another key. */
  foreignLeaf: string
  ca: TestCa
  stranger: TestCa
}
interface Fault {
  what: string
  by: readonly string[]
  behaviour(material: Material): Misbehaviour
  code: ErrorCode
  /** How long nobody is asked anything. */
  quietSeconds: number
  /** Whose connector does not even hand on what is not ours. */
  unseen?: readonly string[]
  /** Where nobody but a person goes on: what costs quota is not tried again for the same fault. */
  blocked?: readonly string[]
}

const http = ['ACME', 'VaultPKI', 'StepCA', 'EJBCA']
const all = [...http, 'OpenSSL']
const metered = ['ACME']
const html = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html><h1>Welcome</h1></html>' }
const metadata = 'http://169.254.169.254/latest/meta-data/iam/security-credentials/'

const faults: readonly Fault[] = [
  {
    what: 'says 429 and to come back in an hour',
    by: http,
    behaviour: () => ({ everything: { status: 429, headers: { 'retry-after': '3600' }, body: '' } }),
    code: 'rate_limited',
    quietSeconds: hour - 1,
  },
  {
    what: 'redirects to a metadata address',
    by: http,
    behaviour: () => ({ everything: { status: 302, headers: { location: metadata }, body: '' } }),
    code: 'upstream_protocol',
    quietSeconds: shortestPause,
  },
  {
    what: 'puts its orders on a metadata address',
    by: ['ACME'],
    behaviour: ({ leaf }) => ({ orderHost: 'https://169.254.169.254', certificates: [leaf] }),
    code: 'policy_denied',
    quietSeconds: shortestPause,
    blocked: metered,
  },
  {
    what: 'answers with a page in HTML and status 200',
    by: all,
    behaviour: () => ({ everything: html }),
    code: 'upstream_protocol',
    quietSeconds: shortestPause,
  },
  {
    what: 'sends the chain of another CA along',
    by: all,
    behaviour: ({ leaf, stranger }) => ({ certificates: [leaf, stranger.intermediatePem, stranger.rootPem] }),
    code: 'issued_mismatch',
    quietSeconds: shortestPause,
    blocked: metered,
  },
  {
    what: 'gives a certificate for another key',
    by: all,
    behaviour: ({ foreignLeaf, ca }) => ({ certificates: [foreignLeaf, ca.intermediatePem] }),
    code: 'issued_mismatch',
    quietSeconds: shortestPause,
    blocked: metered,
    unseen: ['OpenSSL'],
  },
]

let scene: Scene
let folder: string
let ca: TestCa
let stranger: TestCa
const cas = new Map<string, ServedCa>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certctl-scripts-'))
  scene = await createScene({ environment: { CERTCTL_SCRIPTS_DIR: folder } })
  const { services } = scene
  const manifest = fileURLToPath(new URL('../../../package.json', import.meta.url))
  await discoverConnectors(services.registry, { manifest, kinds: ['issuer'] })
  ;[ca, stranger] = await Promise.all([createTestCa(services.clock.now()), createTestCa(services.clock.now())])
  const now = () => services.clock.now()
  for (const served of [
    await openAcme(now),
    await openVault(),
    await openStepCa(),
    await openEjbca(),
    await openScript(folder),
  ])
    cas.set(served.type, served)
})
afterAll(async () => {
  for (const served of cas.values()) await served.close()
  await scene.close()
  await rm(folder, { recursive: true, force: true })
})

async function asked(name: string): Promise<{ csrPem: string; material: Material }> {
  const [key, other] = [await generateKey('EC-P256'), await generateKey('EC-P256')]
  const names = [{ type: 'dns', value: name } as const]
  const csrPem = await createCsr({ privateKeyPem: key.privateKeyPem, commonName: name, names })
  const leaf = await ca.certify(key.spki, { names })
  const nextLeaf = await ca.certify(key.spki, { names })
  const foreignLeaf = await ca.certify(other.spki, { names })
  return { csrPem, material: { leaf, nextLeaf, foreignLeaf, ca, stranger } }
}

async function connect({ type, config }: ServedCa, id: string): Promise<void> {
  await createConnection(scene.services, 'issuer', { id, name: id, type, config, enabled: true, actor: operator })
}

async function errorOf(certificateId: string): Promise<string | null> {
  const [holder] = await scene.services.store.holders.listOfCertificate(certificateId)
  return holder?.last_error_code ?? null
}

const currentOf = async (id: string) => await scene.services.store.versions.listCurrentWithDer(id)

async function standingsOf(id: string): Promise<string[]> {
  const { rows: versions } = await scene.services.store.versions.page(id, { limit: 10, count: false })
  return versions.map(({ standing }) => standing)
}

/** Works until it holds, with some seconds between the looks. */
async function workUntil(holds: () => Promise<boolean>, seconds = 4): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await scene.work()
    if (await holds()) return
    scene.services.clock.advance(seconds)
  }
  throw new Error('it did not come to that')
}

const rows = faults.flatMap((fault) => fault.by.map((type) => [type, fault.what, fault] as const))

describe('a CA that misbehaves', () => {
  it.each(rows)('%s: %s', async (type, _, { behaviour, code, quietSeconds, blocked, unseen }) => {
    const isBlocked = blocked?.includes(type) === true
    const served = cas.get(type) ?? raise()
    const row = `${type}-${code}-${cas.size}-${served.asked.length}`.toLowerCase().replaceAll('_', '-')
    const { csrPem, material } = await asked(`${row}.example.test`)
    await connect(served, `iss-${row}`)
    served.behaviour = behaviour(material)
    const before = served.asked.length
    const { id } = await scene.request({ issuerId: `iss-${row}`, csrPem })
    await workUntil(async () => (await errorOf(id)) !== null)
    const since = () => served.asked.slice(before)
    const orders = () => since().filter((request) => request === served.ordering)

    // The right code, nothing in use, and no second question: not for this order, and not for another one at that CA.
    expect(await errorOf(id)).toBe(code)
    expect(await currentOf(id)).toEqual([])
    expect(await standingsOf(id)).toEqual(code === 'issued_mismatch' && unseen?.includes(type) !== true ? ['lost'] : [])
    if ('everything' in served.behaviour) expect(since()).toHaveLength(1)
    else expect(orders()).toHaveLength(1)
    const { length: soFar } = since()
    const isForAll = code === 'rate_limited'
    const other = isForAll
      ? await scene.request({ issuerId: `iss-${row}`, csrPem: (await asked(`other-${row}.test`)).csrPem })
      : undefined
    await scene.work()
    scene.services.clock.advance(isBlocked ? 24 * hour : quietSeconds)
    await scene.work()
    expect(since()).toHaveLength(soFar)

    // It behaves again, but for the order of its chain, which is put right.
    served.behaviour = { certificates: [material.nextLeaf, ca.rootPem, ca.intermediatePem] }
    for (const jobId of other?.jobIds ?? []) await cancelJob(scene.services, { jobId, actor: operator })
    if (isBlocked) await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    await workUntil(async () => (await currentOf(id)).length === 1, 30)
    const [version] = await currentOf(id)
    expect(version?.fingerprint).toBe(parseCertificate(material.nextLeaf).fingerprint)
    expect(splitCertificates(version?.chain_pem ?? '')).toEqual(splitCertificates(ca.intermediatePem))
  })
})

function raise(): never {
  throw new Error('it is not there')
}
