import type { GeneralName } from '@certctl/core'
import { parseCsr } from '@certctl/pki'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from './eventually.js'
import { createScene, issueFirst, type RunningAgent, type Scene } from './start-agent.js'

let scene: Scene
let running: RunningAgent

beforeEach(async () => {
  scene = await createScene()
  running = await scene.start()
})
afterEach(() => scene.close())

function want(id: string, names: readonly GeneralName[], key = 'EC-P256') {
  scene.server.state.certificates.set(id, { id, names, key, versions: [] })
}

describe('a CSR', () => {
  it('names exactly what was asked, in every kind of name, under a key of the kind asked', async () => {
    const names: GeneralName[] = [
      { type: 'dns', value: '*.example.test' },
      { type: 'dns', value: 'example.test' },
      { type: 'ip', value: '192.0.2.1' },
      { type: 'ip', value: '2001:db8::1' },
      { type: 'email', value: 'ops@example.test' },
      { type: 'uri', value: 'spiffe://example.test/web' },
    ]
    want('mc-all', names, 'EC-P384')
    const { job } = await issueFirst(scene, 'mc-all')
    const csr = parseCsr(job.csrPem ?? '')
    expect(csr.names).toEqual(names)
    expect(csr.commonName).toBe('*.example.test')
    expect(csr.publicKey.curve).toBe('P-384')
  })

  it('belongs to a key that lies here before the server has seen it', async () => {
    let keysAtTheTime = -1
    scene.server.meddle(async (operationId, when) => {
      if (operationId === 'submitJobCsr' && when === 'before') keysAtTheTime = (await running.agent.keys.list()).length
      return undefined
    })
    await issueFirst(scene)
    expect(keysAtTheTime).toBe(1)
  })

  it('is new for every issuance, with a new key', async () => {
    const first = await issueFirst(scene)
    const second = await issueFirst(scene)
    expect(first.version?.spki).not.toBe(second.version?.spki)
  })

  it('is the same for the same job when the answer was lost, and one certificate comes of it', async () => {
    let lost = 0
    scene.server.meddle((operationId, when) => {
      if (operationId !== 'submitJobCsr' || when !== 'after' || lost >= 2) return undefined
      lost += 1
      return 'lose'
    })
    const { certificate, job } = await issueFirst(scene)
    await eventually(
      'it was handed in again',
      () => scene.server.state.calls.filter((call) => call === 'submitJobCsr').length >= 3,
    )
    expect(certificate.versions).toHaveLength(1)
    expect(job.state).toBe('done')
    expect(await running.agent.keys.list()).toHaveLength(1)
  })

  it('is the same for the same job after a restart', async () => {
    scene.server.meddle((operationId) => (operationId === 'submitJobCsr' ? 'lose' : undefined))
    want('mc-www', [{ type: 'dns', value: 'localhost' }])
    const job = scene.server.state.queue({ kind: 'issue' })
    const record = await eventually('the key is made', () => running.agent.journal.csrs.get(job.id))
    await running.stop()
    scene.server.meddle(undefined)
    running = await scene.start()
    await eventually('it was issued', () => job.state === 'done')
    expect(job.csrPem).toBe(record.csr_pem)
    expect(await running.agent.keys.list()).toHaveLength(1)
  })

  it('is made anew when the job asks for other names than before', async () => {
    scene.server.meddle((operationId) => (operationId === 'submitJobCsr' ? 'lose' : undefined))
    want('mc-www', [{ type: 'dns', value: 'localhost' }])
    const job = scene.server.state.queue({ kind: 'issue' })
    await eventually('the key is made', () => running.agent.journal.csrs.get(job.id))
    want('mc-www', [{ type: 'dns', value: 'other.example.test' }])
    scene.server.meddle(undefined)
    await running.stop()
    running = await scene.start()
    await eventually('it was issued', () => job.state === 'done')
    expect(parseCsr(job.csrPem ?? '').names).toEqual([{ type: 'dns', value: 'other.example.test' }])
  })

  it('that the server refused is not offered again: the next one has another key', async () => {
    const names: GeneralName[] = [{ type: 'dns', value: 'localhost' }]
    want('mc-www', names)
    const certificate = scene.server.state.certificates.get('mc-www')
    const refusal = () => running.log.find((line) => line.message === 'the CSR was not taken')
    scene.server.meddle((operationId, when) => {
      if (when !== 'before' || certificate === undefined) return undefined
      // The first time the server expects another name than it asked for, and then it asks for the same as before.
      if (operationId === 'submitJobCsr' && refusal() === undefined)
        certificate.names = [{ type: 'dns', value: 'strict.example.test' }]
      if (operationId === 'getAgentWork' && refusal() !== undefined) certificate.names = names
      return undefined
    })
    const job = scene.server.state.queue({ kind: 'issue' })
    await eventually('the refusal', refusal)
    await eventually('it was issued', () => {
      // A parked poll says that the agent still holds the job.
      scene.server.state.wakeAll()
      return job.state === 'done'
    })
    const made = running.log.filter((line) => line.message === 'key made').map((line) => line.fields.spki_sha256)
    expect(made).toEqual([expect.any(String), certificate?.versions[0]?.spki])
    expect(made[0]).not.toBe(made[1])
  })

  it('that cannot be made is reported with the reason', async () => {
    want('mc-www', [{ type: 'dns', value: 'localhost' }], 'ML-DSA-65')
    const job = scene.server.state.queue({ kind: 'issue' })
    const report = await eventually('a report', () => job.report)
    expect(report).toMatchObject({ outcome: 'refused', code: 'unsupported' })
    expect(report.message).toContain('ML-DSA-65')
    expect(await running.agent.keys.list()).toEqual([])
  })

  it('is not made for an id that could leave the key directory', async () => {
    const { itemOf } = scene.server.state
    Object.assign(scene.server.state, {
      itemOf: (job: never) => ({ ...itemOf(job), certificate_id: '../../etc/evil' }),
    })
    want('mc-www', [{ type: 'dns', value: 'localhost' }])
    const job = scene.server.state.queue({ kind: 'issue' })
    expect(await eventually('a report', () => job.report)).toMatchObject({
      outcome: 'failed',
      code: 'request_malformed',
    })
  })
})
