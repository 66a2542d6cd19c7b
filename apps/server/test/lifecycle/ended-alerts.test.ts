import { describe, expect, it } from '@jest/globals'
import { retireAgent } from '../../src/inventory/retire-agent.js'
import { archiveCertificate } from '../../src/lifecycle/asking/archive-certificate.js'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { linkTarget } from '../../src/lifecycle/placement/link-target.js'
import { unlinkTarget } from '../../src/lifecycle/placement/unlink-target.js'
import { raiseAlert } from '../../src/lifecycle/raise-alert.js'
import { revokeCertificate } from '../../src/lifecycle/revocation/revoke-certificate.js'
import { revokeVersion } from '../../src/lifecycle/revocation/revoke-version.js'
import { overdueCsrs } from '../../src/schedule/overdue-csrs.js'
import { only, operator, type Scene, served, withScene } from './scene.js'

const never = new AbortController().signal

async function openAlerts({ services }: Scene): Promise<string[]> {
  const { rows } = await services.store.events.page({}, { limit: 100, count: false })
  return rows.flatMap(({ alert_key: key, resolved_at: end }) => (key === null || end !== null ? [] : [key])).toSorted()
}

/** Tells people all there may be to tell of a certificate's holder and its placements. */
async function tellAll({ services: { store } }: Scene, certificateId: string): Promise<void> {
  await store.transaction(async (tx) => {
    const causes = ['issuance', 'csr-overdue', 'csr-needed', 'ending', 'expiring', 'ca-asks']
    const holders = await tx.holders.listOfCertificate(certificateId)
    const placements = await tx.placements.listOfCertificate(certificateId)
    const subjects = [
      ...holders.flatMap(({ id }) => causes.map((cause) => `${cause}:${id}`)),
      ...placements.map(({ id }) => `placement:${id}`),
    ]
    for (const subject of subjects)
      await raiseAlert(tx, {
        subject,
        type: 'certificate.told',
        severity: 'warning',
        title: 'Something is wrong',
        command: 'certctl status',
        certificateId,
      })
  })
}

/** What is to be told of a served certificate once this is done to it. */
async function leftAfter(change: (scene: Scene, certificateId: string) => Promise<unknown>): Promise<string[]> {
  let left: string[] = []
  await withScene({}, async (scene) => {
    const { id } = await served(scene)
    await tellAll(scene, id)
    expect(await openAlerts(scene)).toHaveLength(7)
    await change(scene, id)
    left = await openAlerts(scene)
  })
  return left
}

describe('what people were told of a certificate is taken back', () => {
  it('when it is archived', async () => {
    const archived = leftAfter(
      async ({ services }, certificateId) => await archiveCertificate(services, { certificateId, actor: operator }),
    )
    expect(await archived).toEqual([])
  })

  it('when its last target is taken away', async () => {
    const unlinked = leftAfter(
      async ({ services }, certificateId) =>
        await unlinkTarget(services, { certificateId, targetId: 'target-a', actor: operator }),
    )
    expect(await unlinked).toEqual([])
  })

  it('when the agent that holds it is retired', async () => {
    const retired = leftAfter(
      async ({ services }) => await retireAgent(services, { id: 'agent-a', force: true, actor: operator }),
    )
    expect(await retired).toEqual([])
  })

  it('when it is revoked for good, but for a service that is left half changed', async () => {
    const revoke = async ({ services }: Scene, certificateId: string) => {
      const cause = { reason: 'cessationOfOperation', reasonText: 'gone' } as const
      await revokeCertificate(services, { certificateId, ...cause, actor: operator })
    }
    expect(await leftAfter(revoke)).toEqual([])
    const torn = leftAfter(async (scene, certificateId) => {
      const [placement] = await scene.services.store.placements.listOfCertificate(certificateId)
      await scene.services.store.placements.update(placement?.id ?? '', { cause_code: 'deploy_torn' })
      await revoke(scene, certificateId)
    })
    expect(await torn).toEqual([expect.stringMatching(/^placement:/)])
  })

  it('of its end, when its version is revoked for good and another one may still be under way', async () => {
    const revoked = leftAfter(async ({ services }, certificateId) => {
      const [version] = await services.store.versions.listCurrent(certificateId)
      const cause = { reason: 'cessationOfOperation', reasonText: 'gone' } as const
      await revokeVersion(services, { versionId: version?.id ?? '', ...cause, actor: operator })
    })
    const left = (await revoked).map((key) => key.split(':')[0])
    expect(left).toEqual(['csr-needed', 'csr-overdue', 'issuance', 'placement'])
  })

  it('of one target alone, where it goes to another of the same agent as well', async () => {
    await withScene({}, async (scene) => {
      const { id, agent } = await served(scene)
      await scene.target('target-b', agent.id)
      await linkTarget(scene.services, { certificateId: id, targetId: 'target-b', actor: operator })
      await tellAll(scene, id)
      const gone = await scene.services.store.placements.findPair(id, 'target-a')
      const before = await openAlerts(scene)
      await unlinkTarget(scene.services, { certificateId: id, targetId: 'target-a', actor: operator })
      expect(await openAlerts(scene)).toEqual(before.filter((key) => key !== `placement:${gone?.id}:warning`))
    })
  })
})

describe('a CSR that was long in coming', () => {
  const overdue = async (scene: Scene) => {
    const { id, agent } = await served(scene)
    await renewCertificate(scene.services, { certificateId: id, actor: operator, force: false })
    scene.services.clock.advance(3 * 86_400)
    await overdueCsrs.run(scene.services, never)
    expect(await openAlerts(scene)).toEqual([expect.stringMatching(/^csr-overdue:/)])
    return { agent, asked: only(await agent.claim(), 'Renewal') }
  }

  it('is waited for no more when it comes, whatever the CA does with it', async () => {
    await withScene({}, async (scene) => {
      const { agent, asked } = await overdue(scene)
      await agent.submit(asked, await agent.csr(asked))
      expect(await openAlerts(scene)).toEqual([])
    })
  })

  it('is waited for no more when it is refused, which is told instead', async () => {
    await withScene({}, async (scene) => {
      const { agent, asked } = await overdue(scene)
      const other = await agent.csr({
        ...asked,
        common_name: 'other.test',
        names: [{ type: 'dns', value: 'other.test' }],
      })
      await expect(agent.submit(asked, other)).rejects.toThrow()
      expect(await openAlerts(scene)).toEqual([expect.stringMatching(/^issuance:/)])
    })
  })
})
