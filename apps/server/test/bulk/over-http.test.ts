import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startWorkers, type Workers } from '../../src/work/worker.js'
import { createTestApp, type TestApp } from '../http/test-app.js'
import { addFleet } from './fleet.js'

let app: TestApp
let workers: Workers
const matching = 8
const others = 4

beforeAll(async () => {
  app = await createTestApp()
  const { id: agentId } = await app.addAgent('fleet')
  const { json: target } = await app.admin('POST', '/api/v1/targets', { name: 'fleet', type: 'X', agent_id: agentId })
  const { json: issuer } = await app.admin('POST', '/api/v1/issuers', {
    name: 'Fleet CA',
    type: 'GenericCA',
    config: {},
  })
  for (const id of ['own-a', 'own-b', 'own-c']) await app.admin('POST', '/api/v1/owners', { id, name: id })
  const fleet = { agentId, targetId: String(target.id), issuerId: String(issuer.id) }
  await addFleet(app.services, { matching, others, ...fleet })
  workers = startWorkers(app.services)
}, 60_000)
afterAll(async () => {
  await workers.stop()
  await app.close()
})

const id = (n: number) => `cert-${String(n).padStart(6, '0')}`

describe('a bulk operation over the API', () => {
  it('says beforehand how many match, and does nothing', async () => {
    const { status, json } = await app.admin('POST', '/api/v1/certificates/bulk-renew', {
      owner_id: 'own-a',
      dry_run: true,
    })
    expect({ status, json }).toMatchObject({ status: 200, json: { total_matched: matching, total_enqueued: 0 } })
    expect(json.job_id).toBeUndefined()
  })

  it('answers with totals and jobs when it is done in time, passes over what is under way, and keeps each item', async () => {
    const body = { certificate_ids: [id(1), id(2), 'cert-none'] }
    const first = await app.admin('POST', '/api/v1/certificates/bulk-renew', body)
    expect(first).toMatchObject({
      status: 200,
      json: { total_matched: 3, total_enqueued: 2, total_skipped: 0, total_failed: 1 },
    })
    expect(first.json.enqueued_jobs).toHaveLength(2)
    expect(first.json.errors).toMatchObject([{ certificate_id: 'cert-none', code: 'not_found' }])
    const again = await app.admin('POST', '/api/v1/certificates/bulk-renew', { certificate_ids: [id(1)] })
    expect(again.json).toMatchObject({ total_skipped: 1, skipped: [{ certificate_id: id(1), code: 'in_progress' }] })

    const job = await app.admin('GET', `/api/v1/jobs/${first.json.job_id}`)
    expect(job.json).toMatchObject({
      type: 'Bulk',
      status: 'Failed',
      bulk: { action: 'renew', total: 3, done: 2, skipped: 0, failed: 1, pending: 0 },
    })
    const items = await app.admin('GET', `/api/v1/jobs/${first.json.job_id}/items?page_size=2`)
    expect(items.json.data).toMatchObject([{ certificate_id: id(1), state: 'done' }, { certificate_id: id(2) }])
    const rest = await app.admin(
      'GET',
      `/api/v1/jobs/${first.json.job_id}/items?page_size=2&cursor=${items.json.next_cursor}`,
    )
    expect(rest.json.data).toMatchObject([{ certificate_id: 'cert-none', state: 'failed' }])
  }, 30_000)

  it('revokes only for an administrator and only with a reason', async () => {
    const path = '/api/v1/certificates/bulk-revoke'
    const body = { certificate_ids: [id(3)], reason: 'superseded' }
    expect(await app.call('POST', path, { key: app.keys.operator, body })).toMatchObject({ status: 403 })
    expect(await app.admin('POST', path, { certificate_ids: [id(3)] })).toMatchObject({ status: 400 })
    expect(await app.admin('POST', path, { ...body, reason: 'removeFromCRL' })).toMatchObject({ status: 400 })
    expect(await app.admin('POST', path, body)).toMatchObject({ status: 200, json: { total_revoked: 1 } })
    const again = await app.admin('POST', path, { ...body, reason: 'KEY_COMPROMISE' })
    expect(again.json).toMatchObject({ total_revoked: 0, skipped: [{ code: 'revoked' }] })
  }, 30_000)

  it('of what came by EST leaves everything else alone', async () => {
    const body = { owner_id: 'own-b', reason: 'superseded' }
    const { json } = await app.admin('POST', '/api/v1/est/certificates/bulk-revoke', body)
    expect(json).toMatchObject({ total_matched: 0, total_revoked: 0 })
  }, 30_000)

  it('reassigns to an owner that is there, and counts what they have already', async () => {
    const path = '/api/v1/certificates/bulk-reassign'
    const unknown = await app.admin('POST', path, { from_owner_id: 'own-b', owner_id: 'own-nobody' })
    expect(unknown).toMatchObject({ status: 400, json: { errors: [{ field: 'owner_id' }] } })
    const moved = await app.admin('POST', path, { from_owner_id: 'own-b', owner_id: 'own-c' })
    expect(moved.json).toMatchObject({ total_matched: others, total_reassigned: others })
    const { json } = await app.admin('GET', `/api/v1/certificates/${id(matching + 1)}`)
    expect(json.owner_id).toBe('own-c')
    const again = await app.admin('POST', path, { certificate_ids: [id(matching + 1)], owner_id: 'own-c' })
    expect(again.json).toMatchObject({ total_reassigned: 0, skipped: [{ code: 'unchanged' }] })
  }, 30_000)

  it('needs a criterion', async () => {
    for (const [path, body] of [
      ['bulk-renew', {}],
      ['bulk-revoke', { reason: 'superseded' }],
      ['bulk-reassign', { owner_id: 'own-a' }],
    ] as const)
      expect(await app.admin('POST', `/api/v1/certificates/${path}`, body)).toMatchObject({ status: 400 })
  })

  it('that matches nothing is done at once', async () => {
    const { status, json } = await app.admin('POST', '/api/v1/certificates/bulk-renew', { environment: 'nowhere' })
    expect({ status, json }).toMatchObject({ status: 200, json: { total_matched: 0, total_enqueued: 0 } })
  }, 30_000)
})
