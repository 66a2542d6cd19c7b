import { operations } from '@certctl/api'
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
})
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

  it('counts beforehand what a run counts: ids that no certificate has, each once, among what matched and what failed', async () => {
    const body = { certificate_ids: [id(1), id(1), 'cert-none', 'cert-none', 'cert-nil'] }
    const said = await app.admin('POST', '/api/v1/certificates/bulk-reassign', {
      ...body,
      owner_id: 'own-a',
      dry_run: true,
    })
    const totals = { total_matched: 3, total_failed: 2 }
    expect(said.json).toMatchObject({ ...totals, total_reassigned: 0 })
    const done = await app.admin('POST', '/api/v1/certificates/bulk-reassign', { ...body, owner_id: 'own-a' })
    expect(done.json).toMatchObject({ ...totals, total_skipped: 1 })
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
  })

  it('revokes only for an administrator and only with a reason', async () => {
    const path = '/api/v1/certificates/bulk-revoke'
    const body = { certificate_ids: [id(3)], reason: 'superseded' }
    expect(await app.call('POST', path, { key: app.keys.operator, body })).toMatchObject({ status: 403 })
    expect(await app.admin('POST', path, { certificate_ids: [id(3)] })).toMatchObject({ status: 400 })
    expect(await app.admin('POST', path, { ...body, reason: 'removeFromCRL' })).toMatchObject({ status: 400 })
    expect(await app.admin('POST', path, body)).toMatchObject({ status: 200, json: { total_revoked: 1 } })
    const again = await app.admin('POST', path, { ...body, reason: 'KEY_COMPROMISE' })
    expect(again.json).toMatchObject({ total_revoked: 0, skipped: [{ code: 'revoked' }] })
  })

  it('of what came by EST leaves everything else alone', async () => {
    const body = { owner_id: 'own-b', reason: 'superseded' }
    const { json } = await app.admin('POST', '/api/v1/est/certificates/bulk-revoke', body)
    expect(json).toMatchObject({ total_matched: 0, total_revoked: 0 })
  })

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
  })

  it('needs a criterion', async () => {
    for (const [path, body] of [
      ['bulk-renew', {}],
      ['bulk-revoke', { reason: 'superseded' }],
      ['bulk-reassign', { owner_id: 'own-a' }],
    ] as const)
      expect(await app.admin('POST', `/api/v1/certificates/${path}`, body)).toMatchObject({ status: 400 })
  })

  it('takes every criterion it accepts: none of them lets all pass', async () => {
    const path = '/api/v1/certificates/bulk-renew'
    const nobodys: Record<string, unknown> = {
      status: 'Pending',
      environment: 'nowhere',
      owner_id: 'own-none',
      team_id: 'team-none',
      issuer_id: 'iss-none',
      agent_id: 'agent-none',
      profile_id: 'prof-none',
      target_id: 'target-none',
      tags: { tier: 'none' },
      source: 'EST',
      expires_before: '2000-01-01T00:00:00Z',
      expires_after: '2999-01-01T00:00:00Z',
      created_after: '2999-01-01T00:00:00Z',
      updated_after: '2999-01-01T00:00:00Z',
    }
    const { certificate_ids: _, dry_run: __, ...criteria } = operations.bulkRenewCertificates.body.shape
    expect(Object.keys(nobodys).toSorted()).toEqual(Object.keys(criteria).toSorted())
    for (const [name, value] of Object.entries(nobodys)) {
      const { status, json } = await app.admin('POST', path, { [name]: value, dry_run: true })
      expect({ name, status, json }).toMatchObject({ name, status: 200, json: { total_matched: 0 } })
    }
  })

  it('by tags takes those that have all of them, and refuses tags that name none', async () => {
    const path = '/api/v1/certificates/bulk-renew'
    app.services.clock.advance(1)
    const tagged = await app.admin('PUT', `/api/v1/certificates/${id(matching + 2)}`, {
      tags: { tier: 'gold', site: 'north' },
    })
    expect(tagged.status).toBe(200)
    const matched = async (tags: unknown) => (await app.admin('POST', path, { tags, dry_run: true })).json.total_matched
    expect(await matched({ tier: 'gold' })).toBe(1)
    expect(await matched({ tier: 'gold', site: 'north' })).toBe(1)
    expect(await matched({ tier: 'gold', site: 'south' })).toBe(0)
    for (const body of ['{"tags":{}}', '{"tags":{"__proto__":"x"}}'])
      expect(await app.admin('POST', path, JSON.parse(body))).toMatchObject({ status: 400 })
  })

  it('renews what has ended only for whoever asks for what has ended', async () => {
    const path = '/api/v1/certificates/bulk-renew'
    // The fleet lives for 60 days; no other test comes after this one that wants it alive.
    app.services.clock.advance(61 * 86_400)
    const ended = await app.admin('POST', path, { certificate_ids: [id(matching + 3)] })
    expect(ended.json).toMatchObject({ total_enqueued: 0, total_skipped: 1, skipped: [{ code: 'expired' }] })
    const asked = await app.admin('POST', path, { certificate_ids: [id(matching + 3)], status: 'Expired' })
    expect(asked.json).toMatchObject({ total_enqueued: 1, total_skipped: 0 })
  })

  it('that matches nothing is done at once', async () => {
    const { status, json } = await app.admin('POST', '/api/v1/certificates/bulk-renew', { environment: 'nowhere' })
    expect({ status, json }).toMatchObject({ status: 200, json: { total_matched: 0, total_enqueued: 0 } })
  })
})
