import type { Observations } from '@certctl/api'
import { describe, expect, it } from '@jest/globals'
import { retireAgent } from '../../src/inventory/retire-agent.js'
import { unlinkTarget } from '../../src/lifecycle/placement/unlink-target.js'
import { recordObservations } from '../../src/lifecycle/verification/record-observations.js'
import { unknownPlacements } from '../../src/schedule/unknown-placements.js'
import { operator, type Scene, type SceneAgent, served, withScene } from './scene.js'

const fingerprint = 'c'.repeat(64)
const day = 86_400

type Seen = Observations['placements'][number]

async function report({ services }: Scene, { id, actor }: SceneAgent, placements: readonly Seen[]): Promise<void> {
  await recordObservations(services, { agentId: id, actor, observations: { placements: [...placements] } })
}

async function told({ services }: Scene) {
  const { rows } = await services.store.events.page({ type: 'placement.unknown' }, { limit: 100, count: false })
  return rows
}

const open = async (scene: Scene) => (await told(scene)).filter(({ resolved_at: end }) => end === null)

const file = { matches: true, location: '/etc/ssl/s7.pem', found_fingerprint: fingerprint }
const lost: Seen = { target_id: 't7', certificate_id: 's7', file }

describe('what an agent reports that is not in the record', () => {
  it('is told of once, with who reports what, where it is, and what to type', async () => {
    await withScene({}, async (scene) => {
      const agent = await scene.agent('agent-a')
      await report(scene, agent, [lost])
      await report(scene, agent, [lost])
      const [alert, ...more] = await told(scene)
      expect(more).toEqual([])
      expect(alert).toMatchObject({ severity: 'warning', agent_id: 'agent-a', resolved_at: null })
      expect(alert?.data).toMatchObject({
        certificate: 's7',
        target: 't7',
        location: '/etc/ssl/s7.pem',
        fingerprint,
        missing: { certificate: true, target: true },
        command:
          'certctl targets create --id t7 --type TYPE --agent agent-a && certctl certificates request NAME --id s7 --target t7',
      })
      expect(alert?.title).toContain('Agent agent-a looks after certificate s7 at target t7 (/etc/ssl/s7.pem)')
      expect(alert?.title).toContain('neither is in the record')
    })
  })

  it('may be the certificate or the target alone', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      await report(scene, agent, [{ ...lost, target_id: 'target-a' }])
      await report(scene, agent, [{ ...lost, certificate_id: id }])
      const [target, certificate] = await open(scene)
      expect(certificate?.title).toContain('the certificate is not in the record')
      expect(certificate?.data).toMatchObject({
        command: 'certctl certificates request NAME --id s7 --target target-a',
      })
      expect(target?.title).toContain('the target is not in the record')
    })
  })

  it('is not told of where it was taken away since, or is of another agent', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      const seen = { ...lost, target_id: 'target-a', certificate_id: id }
      await report(scene, await scene.agent('agent-b'), [seen])
      await unlinkTarget(scene.services, { certificateId: id, targetId: 'target-a', actor: operator })
      await report(scene, agent, [seen])
      expect(await told(scene)).toEqual([])
    })
  })

  it('fills no record: ten of one agent, cut short, whatever it sends', async () => {
    await withScene({}, async (scene) => {
      const [hostile, honest] = [await scene.agent('agent-a'), await scene.agent('agent-b')]
      const evil = `/etc/\u0000\u001b[31m\n\ud800${'😀'.repeat(1000)}`
      const made = (prefix: string): Seen[] =>
        Array.from({ length: 40 }, (_, index) => ({
          target_id: `${prefix}-${index}`,
          certificate_id: 'x',
          file: { matches: true, location: evil },
        }))
      await Promise.all(['a', 'b', 'c', 'd'].map(async (prefix) => await report(scene, hostile, made(prefix))))
      const alerts = await told(scene)
      expect(alerts).toHaveLength(10)
      for (const { title } of alerts) {
        expect([...title].length).toBeLessThan(600)
        expect(title).not.toMatch(/\p{C}/u)
      }
      await report(scene, honest, [lost])
      expect(await told(scene)).toHaveLength(11)
    })
  })

  it('is told of no more once it is in the record again', async () => {
    await withScene({}, async (scene) => {
      const agent = await scene.agent('agent-a')
      await report(scene, agent, [lost, { ...lost, target_id: 't8' }])
      await scene.target('t7', agent.id)
      await scene.request({ id: 's7', commonName: 's7.example.test', targetIds: ['t7'] })
      await report(scene, agent, [lost])
      expect((await open(scene)).map(({ data }) => data)).toMatchObject([{ target: 't8' }])
    })
  })

  it('is told of for a week, and anew when it is still reported', async () => {
    await withScene({}, async (scene) => {
      const agent = await scene.agent('agent-a')
      await report(scene, agent, [lost])
      const { clock } = scene.services
      const look = async () => await unknownPlacements.run(scene.services, new AbortController().signal)
      clock.advance(6 * day)
      await report(scene, agent, [{ ...lost, target_id: 't8' }])
      await look()
      expect(await open(scene)).toHaveLength(2)
      clock.advance(day + 1)
      await look()
      expect((await open(scene)).map(({ data }) => data)).toMatchObject([{ target: 't8' }])
      await report(scene, agent, [lost])
      expect(await open(scene)).toHaveLength(2)
    })
  })

  it('is told of no more once its agent is retired', async () => {
    await withScene({}, async (scene) => {
      const [agent, other] = [await scene.agent('agent-a'), await scene.agent('agent-b')]
      await report(scene, agent, [lost])
      await report(scene, other, [lost])
      await retireAgent(scene.services, { id: agent.id, force: true, actor: operator })
      await unknownPlacements.run(scene.services, new AbortController().signal)
      expect((await open(scene)).map(({ agent_id }) => agent_id)).toEqual(['agent-b'])
    })
  })
})
