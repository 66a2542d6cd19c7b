import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { agentCertificate } from '../../src/inventory/agent-certificate.js'
import { submitAgentCsr } from '../../src/lifecycle/csr/submit-agent-csr.js'
import { settleLegacyStatus } from '../../src/lifecycle/settle-legacy-status.js'
import { recordHandshake } from '../../src/lifecycle/verification/record-handshake.js'
import { createScene, makeCsr, only, type Scene, type SceneAgent } from './scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => {
  await scene.close()
})

let count = 0

interface Story {
  id: string
  agent: SceneAgent
  targetId: string
  status(jobId: string, status: 'Running' | 'Completed' | 'Failed', error?: string): Promise<void>
  material(): Promise<string>
  verify(jobId: string, actual: string, verified?: boolean): Promise<unknown>
}

async function story(): Promise<Story> {
  count += 1
  const agent = await scene.agent(`agent-${count}`, { old: true })
  const targetId = `target-${count}`
  await scene.target(targetId, agent.id)
  const { id } = await scene.request({
    commonName: `n${count}.example.test`,
    sans: ['192.0.2.1'],
    targetIds: [targetId],
  })
  const { services } = scene
  let expected = ''
  return {
    id,
    agent,
    targetId,
    status: async (jobId, status, error) =>
      await settleLegacyStatus(services, { agentId: agent.id, jobId, status, error, actor: agent.actor }),
    async material() {
      const { fingerprint } = await agentCertificate(services, { agentId: agent.id, certificateId: id })
      expected = fingerprint
      return fingerprint
    },
    verify: async (jobId, actual, verified = true) =>
      await recordHandshake(services, {
        jobId,
        agentId: agent.id,
        targetId,
        expectedFingerprint: expected,
        actualFingerprint: actual,
        verified,
        actor: agent.actor,
      }),
  }
}

async function submit({ id, agent }: Story, csrPem: string) {
  const signal = AbortSignal.abort()
  return await submitAgentCsr(scene.services, {
    agentId: agent.id,
    certificateId: id,
    csrPem,
    actor: agent.actor,
    signal,
  })
}

/** Issued and claimed for deployment, as an old agent does it. */
async function claimed(told: Story): Promise<string> {
  const asked = only(await told.agent.claim())
  await submit(told, await makeCsr(asked))
  await scene.work()
  return only(await told.agent.claim(), 'Deployment').id
}

async function placementOf(id: string) {
  const [placement] = await scene.services.store.placements.listOfCertificate(id)
  return placement
}

describe('an agent of the first protocol', () => {
  it('sees what it is asked for at each poll again, in the words it knows', async () => {
    const told = await story()
    const asked = only(await told.agent.claim())
    expect(asked).toMatchObject({
      status: 'AwaitingCSR',
      common_name: `n${count}.example.test`,
      sans: [`n${count}.example.test`, '192.0.2.1'],
    })
    expect(asked.lease).toBeUndefined()
    expect(only(await told.agent.claim()).id).toBe(asked.id)
  })

  it('claims deployments, and only those, once', async () => {
    const told = await story()
    const jobId = await claimed(told)
    expect(await scene.services.store.jobs.get(jobId)).toMatchObject({ state: 'active', attempts: 1 })
    expect(await told.agent.claim()).toEqual([])
  })

  it('has deployed what it was handed, and it is not called served without a handshake', async () => {
    const told = await story()
    const jobId = await claimed(told)
    await told.status(jobId, 'Running')
    const fingerprint = await told.material()
    await told.status(jobId, 'Completed')
    expect(await placementOf(told.id)).toMatchObject({
      state: 'deployed',
      deployed_fingerprint: fingerprint,
      served_fingerprint: null,
    })
  })

  it('has it served when its handshake showed so before it was done', async () => {
    const told = await story()
    const jobId = await claimed(told)
    const fingerprint = await told.material()
    expect(await told.verify(jobId, fingerprint.toUpperCase())).toMatchObject({ verified: true })
    await told.status(jobId, 'Completed')
    expect(await placementOf(told.id)).toMatchObject({ state: 'served', served_fingerprint: fingerprint })
  })

  it('has failed when its handshake showed something else, whatever it says at the end', async () => {
    const told = await story()
    const jobId = await claimed(told)
    await told.material()
    await told.verify(jobId, 'd'.repeat(64), false)
    await told.status(jobId, 'Completed')
    expect(await placementOf(told.id)).toMatchObject({
      state: 'failed',
      cause_message: expect.stringContaining('d'.repeat(64)),
    })
  })

  it('does not prove anything by claiming to have verified another fingerprint', async () => {
    const told = await story()
    const jobId = await claimed(told)
    await told.material()
    expect(await told.verify(jobId, 'd'.repeat(64), true)).toMatchObject({ verified: false })
    await told.status(jobId, 'Completed')
    expect(await placementOf(told.id)).toMatchObject({ state: 'failed' })
  })

  it('may tell of a handshake after its job has ended', async () => {
    const told = await story()
    const jobId = await claimed(told)
    const fingerprint = await told.material()
    await told.status(jobId, 'Completed')
    await told.verify(jobId, fingerprint)
    expect(await placementOf(told.id)).toMatchObject({ state: 'served' })
  })

  it('is refused empty fingerprints, and those of another target', async () => {
    const told = await story()
    const jobId = await claimed(told)
    await expect(told.verify(jobId, '')).rejects.toMatchObject({ code: 'request_malformed' })
    await told.material()
    await expect({ ...told, targetId: 'x' }.verify(jobId, '')).rejects.toMatchObject({ code: 'request_malformed' })
  })

  it('is not believed to have deployed what it never fetched', async () => {
    const told = await story()
    const jobId = await claimed(told)
    await told.status(jobId, 'Completed')
    expect(await placementOf(told.id)).toMatchObject({ state: 'failed', deployed_fingerprint: null })
  })

  it('says why it failed, and is asked again', async () => {
    const told = await story()
    const jobId = await claimed(told)
    await told.status(jobId, 'Failed', 'deployment failed: nginx')
    expect(await placementOf(told.id)).toMatchObject({ state: 'failed', cause_message: 'deployment failed: nginx' })
    scene.services.clock.advance(61)
    only(await told.agent.claim(), 'Deployment')
  })

  it('may send a second CSR with a new key: it has overwritten the first, and the certificate of that is lost to it', async () => {
    const told = await story()
    const asked = only(await told.agent.claim())
    expect(await submit(told, await makeCsr(asked))).toBe('order_pending')
    expect(await submit(told, await makeCsr(asked))).toBe('order_pending')
    await scene.work()
    // Issued, and still not deployed: the key is overwritten once more.
    const third = await makeCsr(asked)
    await submit(told, third)
    await scene.work()
    const jobId = only(await told.agent.claim(), 'Deployment').id
    const fingerprint = await told.material()
    await told.status(jobId, 'Completed')
    expect(await placementOf(told.id)).toMatchObject({ state: 'deployed', deployed_fingerprint: fingerprint })
    expect(await submit(told, third)).toBe('csr_signed')
    await expect(submit(told, await makeCsr(asked))).rejects.toMatchObject({ code: 'conflict' })
  })

  it('gets its job again after the bound, when it says nothing more', async () => {
    const told = await story()
    const jobId = await claimed(told)
    scene.services.clock.advance(299)
    expect(await told.agent.claim()).toEqual([])
    scene.services.clock.advance(2)
    expect(only(await told.agent.claim(), 'Deployment').id).toBe(jobId)
  })

  it('is told that a CSR for no certificate was read, and is refused one for a certificate of others', async () => {
    const told = await story()
    const csrPem = await makeCsr({ names: [{ type: 'dns', value: 'x.example.test' }] })
    expect(await submit({ ...told, id: '' }, csrPem)).toBe('csr_accepted')
    const other = await story()
    await expect(submit({ ...told, id: other.id }, csrPem)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('gets no material of certificates whose keys others hold', async () => {
    const told = await story()
    await claimed(told)
    const other = await story()
    await expect(
      agentCertificate(scene.services, { agentId: other.agent.id, certificateId: told.id }),
    ).rejects.toMatchObject({ code: 'not_found' })
  })
})
