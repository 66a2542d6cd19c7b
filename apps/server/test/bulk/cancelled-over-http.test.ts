import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { startWorkers, type Workers } from '../../src/work/worker.js'
import { createTestApp, type TestApp } from '../http/test-app.js'
import { createGate, type Gate } from '../lifecycle/fake-ca.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { addFleet, counted } from './fleet.js'

let app: TestApp
/** The server that goes through the items; the app is another. */
let worker: TestServices
let workers: Workers
let gate: Gate
const matching = 8

beforeAll(async () => {
  app = await createTestApp()
  const { id: agentId } = await app.addAgent('fleet')
  const { json: target } = await app.admin('POST', '/api/v1/targets', { name: 'fleet', type: 'X', agent_id: agentId })
  const { json: issuer } = await app.admin('POST', '/api/v1/issuers', { name: 'CA', type: 'GenericCA', config: {} })
  await app.admin('POST', '/api/v1/owners', { id: 'own-a', name: 'a' })
  const fleet = { agentId, targetId: String(target.id), issuerId: String(issuer.id) }
  await addFleet(app.services, { matching, others: 0, ...fleet })
  const { database, clock, registry } = app.services
  worker = await createTestServices({ database, clock, registry })
  gate = createGate()
  const { together } = worker.store
  let isFirst = true
  worker.store.together = async (key, work) => {
    if (!isFirst) await gate.pass()
    isFirst = false
    return await together(key, work)
  }
  workers = startWorkers(worker)
})
afterAll(async () => {
  gate.release()
  await workers.stop()
  await worker.close()
  await app.close()
})

it('tells whoever waits for a bulk revocation that it was cancelled, and the numbers add up and stay', async () => {
  const asked = app.admin('POST', '/api/v1/certificates/bulk-revoke', { owner_id: 'own-a', reason: 'superseded' })
  await gate.reached
  const done = async () => await counted(app.services, `bulk_items where state = 'done'`)
  while ((await done()) === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  const { json: jobs } = await app.admin('GET', '/api/v1/jobs?type=Bulk')
  const id = jobs.data?.[0]?.id
  expect(await app.admin('POST', `/api/v1/jobs/${id}/cancel`, { reason: 'wrong list' })).toMatchObject({ status: 200 })
  const { status, json } = await asked
  const totals = { total_matched: matching, total_revoked: 1, total_skipped: 0, total_failed: 0, total_pending: 7 }
  expect({ status, json }).toMatchObject({ status: 200, json: { job_id: id, ...totals } })
  expect(json.cancelled).toMatch(/^Cancelled by .+: wrong list$/)
  gate.release()
  await workers.stop()
  const job = await app.admin('GET', `/api/v1/jobs/${id}`)
  const bulk = { action: 'revoke', total: matching, done: 1, skipped: 0, failed: 0, pending: 7 }
  expect(job.json).toMatchObject({ status: 'Cancelled', bulk })
  expect(await counted(app.services, 'revocations')).toBe(1)
})
