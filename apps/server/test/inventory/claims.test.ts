import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { claimPlaces } from '../../src/inventory/claims.js'
import { createScene, type Scene } from '../lifecycle/scene.js'
import { holdTransaction, untilBlocked } from '../races/steps.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
  for (const agent of ['agent-a', 'agent-b']) await scene.agent(agent)
  for (const target of ['one', 'two']) await scene.target(target, 'agent-a')
  await scene.target('three', 'agent-b')
})
afterAll(async () => {
  await scene.close()
})

const claim = async (id: string, agentId: string, places: readonly string[]) =>
  await scene.services.store.transaction(async (tx) => await claimPlaces(tx, { id, agent_id: agentId }, places))

describe('a place on a host', () => {
  it('belongs to the first target that claims it; the second is told whose it is, and keeps what it had', async () => {
    await claim('one', 'agent-a', ['/etc/a.pem', '/etc/a.key'])
    await claim('two', 'agent-a', ['/etc/b.pem'])
    await expect(claim('two', 'agent-a', ['/etc/c.pem', '/etc/a.key'])).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/\/etc\/a\.key.*one/),
    })
    expect(await scene.services.store.claims.listOfTarget('two')).toEqual([{ scope: 'agent-a', place: '/etc/b.pem' }])
  })

  it('is another place on another host', async () => {
    await claim('three', 'agent-b', ['/etc/a.pem'])
  })

  it('is free again when its target claims others, and may be claimed twice by the same', async () => {
    await claim('one', 'agent-a', ['/etc/d.pem', '/etc/d.pem'])
    await claim('two', 'agent-a', ['/etc/a.pem'])
  })

  it('goes to one of two that claim it at the same time', async () => {
    const first = await holdTransaction(scene.services, async (tx) => {
      await claimPlaces(tx, { id: 'one', agent_id: 'agent-a' }, ['/etc/race.pem'])
    })
    const second = claim('two', 'agent-a', ['/etc/race.pem'])
    second.catch(() => undefined)
    await untilBlocked(scene.services)
    await first.commit()
    await expect(second).rejects.toMatchObject({ code: 'conflict' })
  })
})
