import { isCertctlError } from '@certctl/core'
import { changeCertificate } from '../../../../apps/server/src/lifecycle/asking/change-certificate.js'
import { renewCertificate } from '../../../../apps/server/src/lifecycle/asking/renew-certificate.js'
import { revokeCertificate } from '../../../../apps/server/src/lifecycle/revocation/revoke-certificate.js'
import { owesReplacement } from '../invariants/serves-in-time.js'
import type { Random } from '../random.js'
import type { World } from '../world.js'
import { noteWish } from './note-wish.js'
import { operator } from './operator.js'

const day = 86_400

/** What people do meanwhile: they renew by hand, revoke, and give up a CA that nobody trusts any more. */
export function startPeople(world: World): void {
  const random = world.random.fork('people')
  const { certificates, days, distrusts } = world.scenario
  every(world, { random, days: 1000 / certificates, action: async () => await renew(world, random) })
  every(world, {
    random,
    days: 4000 / certificates,
    action: async () => await revoke(world, anyCertificate(world, random), 'keyCompromise'),
  })
  for (let number = 0; number < distrusts; number++)
    world.agenda.after(random.between(0.3, 0.8) * days * day, async () => await distrust(world, random))
}

function every(world: World, plan: { random: Random; days: number; action: () => Promise<void> }): void {
  world.agenda.after(-Math.log(1 - plan.random.next()) * plan.days * day, async () => {
    await plan.action()
    every(world, plan)
  })
}

function anyCertificate({ asked }: World, random: Random): string | undefined {
  return asked.size === 0 ? undefined : random.pick([...asked.keys()])
}

async function renew(world: World, random: Random): Promise<void> {
  const certificateId = anyCertificate(world, random)
  if (certificateId === undefined) return
  await noteWish(world, certificateId)
  await unlessRefused(world, async () => {
    await renewCertificate(world.services, { certificateId, actor: operator, force: false })
    world.journal.note(`${certificateId} is renewed by hand`)
  })
}

/** Revoked and replaced. */
async function revoke(
  world: World,
  certificateId: string | undefined,
  reason: 'keyCompromise' | 'superseded',
): Promise<void> {
  if (certificateId === undefined) return
  await noteWish(world, certificateId)
  await unlessRefused(world, async () => {
    const revoked = await revokeCertificate(world.services, {
      certificateId,
      reason,
      reasonText: 'simulated',
      actor: operator,
    })
    world.figures.revoked += revoked.length
    world.journal.note(`${certificateId} is revoked: ${reason}`)
    for (const { fingerprint } of revoked) await expectReplacement(world, fingerprint)
  })
}

async function expectReplacement(world: World, fingerprint: string): Promise<void> {
  world.revoked.set(fingerprint, world.agenda.now())
  for (const agent of world.agents.values())
    for (const target of agent.targets.values())
      if (target.served?.fingerprint === fingerprint) owesReplacement(world, { agent, target, version: target.served })
}

/** Its certificates are moved to another CA, and what it had issued for them is revoked, a few an hour. */
async function distrust(world: World, random: Random): Promise<void> {
  const ids = [...world.cas.keys()]
  const gone = random.pick(ids)
  const other = random.pick(ids.filter((id) => id !== gone))
  world.journal.note(`${gone} is trusted no more; its certificates move to ${other}`)
  const moved = [...world.asked.values()].filter(({ caId }) => caId === gone)
  for (const [index, asked] of moved.entries())
    world.agenda.after(index * 120, async () => {
      await noteWish(world, asked.id)
      world.asked.set(asked.id, { ...asked, caId: other })
      await changeCertificate(world.services, {
        certificateId: asked.id,
        issuerId: other,
        actor: operator,
        check: async () => undefined,
      })
      await revoke(world, asked.id, 'superseded')
    })
}

/** People are told when what they want does not go; here they leave it at that. */
async function unlessRefused({ journal }: World, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isCertctlError(error) || error.code === 'internal') throw error
    journal.note(`refused: ${error.code}`)
  }
}
