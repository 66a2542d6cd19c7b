import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
let agentId: string
beforeAll(async () => {
  app = await createTestApp()
  agentId = (await app.addAgent('web')).id
})
afterAll(async () => await app.close())

const night = { cron: '0 2 * * SAT', duration: '4h', time_zone: 'Europe/Berlin' }

const create = async (id: string, windows: unknown) =>
  await app.admin('POST', '/api/v1/targets', { id, name: id, type: 'files', agent_id: agentId, windows })

const fields = (answer: { json: Record<string, unknown> }) =>
  (answer.json.errors as { field: string }[] | undefined)?.map(({ field }) => field)

describe('maintenance windows of a target', () => {
  it('are refused within its configuration, where nothing would read them', async () => {
    const body = { id: 't-in', name: 't-in', type: 'files', agent_id: agentId, config: { windows: [night] } }
    const { status, json } = await app.admin('POST', '/api/v1/targets', body)
    expect([status, json.detail]).toEqual([400, expect.stringContaining('config.windows: is given beside config')])
    expect((await create('t-in', [night])).status).toBe(201)
    const changed = await app.admin('PUT', '/api/v1/targets/t-in', { config: { windows: [night] } })
    expect([changed.status, changed.json.detail]).toEqual([400, expect.stringContaining('--window')])
  })

  it('are shown as they were written, stay when they are not sent, and go with an empty list', async () => {
    expect((await create('t-1', [night, { cron: '30 3 * * *', duration: '1h' }])).json.windows).toEqual([
      night,
      { cron: '30 3 * * *', duration: '1h', time_zone: 'UTC' },
    ])
    expect((await app.admin('PUT', '/api/v1/targets/t-1', { name: 'other' })).json.windows).toHaveLength(2)
    expect((await app.admin('PUT', '/api/v1/targets/t-1', { windows: [night] })).json.windows).toEqual([night])
    expect((await app.admin('PUT', '/api/v1/targets/t-1', { windows: [] })).json.windows).toEqual([])
    expect((await app.admin('GET', '/api/v1/targets/t-1')).json.windows).toEqual([])
  })

  it('that cannot be read, or never open, are refused by the field that is wrong, and nothing is made', async () => {
    const wrong = [
      [{ ...night, cron: '0 25 * * *' }, 'windows.1.cron'],
      [{ ...night, cron: '0 2 30 2 *' }, 'windows.1.cron'],
      [{ ...night, duration: 'a while' }, 'windows.1.duration'],
      [{ ...night, time_zone: 'Mars/Phobos' }, 'windows.1.time_zone'],
    ] as const
    for (const [window, field] of wrong) {
      const answer = await create('t-2', [night, window])
      expect(answer.status).toBe(400)
      expect(fields(answer)).toEqual([field])
    }
    expect((await app.admin('GET', '/api/v1/targets/t-2')).status).toBe(404)
    await create('t-3', [night])
    const changed = await app.admin('PUT', '/api/v1/targets/t-3', { windows: [{ ...night, cron: 'at night' }] })
    expect(fields(changed)).toEqual(['windows.0.cron'])
    expect((await app.admin('GET', '/api/v1/targets/t-3')).json.windows).toEqual([night])
  })
})

describe('the plan over the wire', () => {
  it('is there for an inventory of nothing, for thirty days where nothing else is asked', async () => {
    const { status, json } = await app.admin('GET', '/api/v1/plan')
    expect(status).toBe(200)
    expect(json).toMatchObject({ renewals: 0, days: [], issuers: [], warnings: [], targets_total: 0 })
    expect(Date.parse(String(json.to)) - Date.parse(String(json.from))).toBe(30 * 86_400_000)
  })

  it('says which lifetime it is about, and refuses what is none', async () => {
    expect((await app.admin('GET', '/api/v1/plan?days=7&lifetime=47d')).json.lifetime_seconds).toBe(47 * 86_400)
    for (const query of ['days=0', 'days=401', 'lifetime=soon', 'lifetime=0d', 'colour=red'])
      expect((await app.admin('GET', `/api/v1/plan?${query}`)).status).toBe(400)
  })
})
