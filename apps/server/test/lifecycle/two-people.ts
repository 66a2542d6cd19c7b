import { decideApproval } from '../../src/lifecycle/approval/decide-approval.js'
import type { ApprovalRow } from '../../src/store/approvals.js'
import type { Actor } from '../../src/store/audit-entry.js'
import { createScene, makeCsr, type Scene } from './scene.js'

export const person = (id: string, owner: string): Actor => ({ type: 'User', id, name: id, person: owner })
export const alice = person('alice-laptop', 'alice')
/** The same person with another key. */
export const aliceToo = person('alice-ci', 'alice')
export const bob = person('bob', 'bob')
export const carol = person('carol', 'carol')
export const profileId = 'prof-two'
export const never = new AbortController().signal

/** A scene whose profile wants two people. */
export async function twoPersonScene(): Promise<Scene> {
  const scene = await createScene()
  await addProfile(scene, { id: profileId, requires_approval: true })
  return scene
}

export async function addProfile(
  { services }: Scene,
  more: { id: string; requires_approval?: boolean },
): Promise<void> {
  await services.store.transaction(
    async (tx) => await tx.profiles.insert({ name: more.id, created_at: tx.now, updated_at: tx.now, ...more }),
  )
}

/** What a worker does, until there is nothing left to do. */
export async function workOff(scene: Scene): Promise<void> {
  for (let turn = 0; turn < 5; turn++) if ((await scene.work()) === 0) return
  throw new Error('the worker finds no end')
}

export async function approvalsOf({ services }: Scene, certificateId: string): Promise<ApprovalRow[]> {
  const { rows } = await services.store.approvals.page({ certificateId }, { limit: 100, count: false })
  return rows
}

export async function pendingOf(scene: Scene, certificateId: string): Promise<ApprovalRow> {
  const pending = (await approvalsOf(scene, certificateId)).filter(({ state }) => state === 'pending')
  const [one] = pending
  if (one === undefined || pending.length > 1) throw new Error(`expected one pending approval, got ${pending.length}`)
  return one
}

export const approve = async (scene: Scene, approvalId: string, actor: Actor, note?: string) =>
  await decideApproval(scene.services, { approvalId, decision: 'approve', note, actor })

const names = [{ type: 'dns' as const, value: 'www.example.test' }]
export const csrFor = async () => await makeCsr({ names, common_name: 'www.example.test', key: 'EC-P256' })
