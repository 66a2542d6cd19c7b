import { type Operation, operations } from '@certctl/api'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Principal } from '../../src/access/principal.js'
import { answerOnce } from '../../src/inventory/answer-once.js'
import { until } from '../races/steps.js'
import { createTestApp, type TestApp } from './test-app.js'

const posts: Operation[] = Object.values(operations).filter(({ method }) => method === 'POST')
const body = { 'whatever was': 'sent before' }
const before = { status: 207, headers: { 'x-kept': 'yes' }, body: '{"kept":true}' }

let app: TestApp
let agent: { id: string; key: string }
beforeAll(async () => {
  app = await createTestApp()
  agent = await app.addAgent('own')
})
afterAll(async () => await app.close())

/** Whoever may call it. */
async function callerOf(operation: Operation): Promise<{ key: string | undefined; principal: Principal }> {
  if (operation.permission === 'public') return { key: undefined, principal: { kind: 'public' } }
  if (operation.permission === 'agent.act')
    return { key: agent.key, principal: { kind: 'agent', id: agent.id, name: 'own' } }
  const keys = await app.services.store.apiKeys.findLiveByName('the admin')
  return { key: app.keys.admin, principal: { kind: 'key', id: keys?.id ?? '', name: 'the admin', role: 'admin' } }
}

describe('an Idempotency-Key', () => {
  it('is a matter of all operations that post', () => {
    expect(posts.length).toBeGreaterThan(20)
  })

  it.each(posts.map((operation) => ({ operation, path: operation.path })))(
    'holds for POST $path: the same answer, status and headers included; 409 for another body, and while the first is under way',
    async ({ operation }) => {
      const path = operation.path.replace('{id}', agent.id).replace(/\{\w+\}/g, 'nothing-here')
      const { key: bearer, principal } = await callerOf(operation)
      const call = { principal, address: '127.0.0.1', method: 'POST', path, body }
      const ask = async (key: string, sent: unknown) =>
        await app.call('POST', path, { key: bearer, body: sent, headers: { 'idempotency-key': key } })
      // Some of these take no body, so what is sent is not part of the question.
      const asked = operation.body === undefined ? { ...call, body: undefined } : call
      await answerOnce(app.services, { ...asked, key: 'done' }, async () => before)

      const again = await ask('done', body)
      expect([again.status, again.text, again.headers['x-kept']]).toEqual([207, before.body, 'yes'])
      if (operation.body !== undefined)
        expect(await ask('done', { ...body, more: 1 })).toMatchObject({ status: 409, json: { code: 'conflict' } })

      let end: () => void = () => undefined
      const slow = new Promise<typeof before>((resolve) => {
        end = () => resolve(before)
      })
      const running = answerOnce(app.services, { ...asked, key: 'slow' }, async () => await slow)
      const { store } = app.services
      const caller = principal.kind === 'public' ? 'public 127.0.0.1' : `${principal.kind} ${principal.id}`
      const begun = async () => (await store.idempotencyKeys.find({ caller, key: 'slow' })) !== undefined
      await until(begun, 'the first call has begun')
      const meanwhile = await ask('slow', body)
      expect([meanwhile.status, meanwhile.headers['retry-after']]).toEqual([409, '1'])
      end()
      await running
      await store.idempotencyKeys.removeExpired(new Date(8e15))
    },
  )

  it('of calls that meet: one is done, the others hear of it or are told to ask again', async () => {
    const headers = { 'idempotency-key': 'together' }
    const make = async () =>
      await app.call('POST', '/api/v1/api-keys', {
        key: app.keys.admin,
        body: { name: 'together', role: 'viewer' },
        headers,
      })
    const answers = await Promise.all(Array.from({ length: 12 }, make))
    expect(answers.map(({ status }) => status).filter((status) => status !== 201 && status !== 409)).toEqual([])
    const ids = new Set(answers.filter(({ status }) => status === 201).map(({ json }) => json.id))
    expect(ids.size).toBe(1)
    const { json } = await app.admin('GET', '/api/v1/api-keys?per_page=100')
    expect(json.data?.filter(({ name }) => name === 'together')).toHaveLength(1)
  })

  it('must be visible ASCII of at most 255 characters', async () => {
    for (const key of ['', 'with space', 'x'.repeat(256)])
      expect(
        (
          await app.call('POST', '/api/v1/join-tokens', {
            key: app.keys.admin,
            body: {},
            headers: { 'idempotency-key': key },
          })
        ).status,
      ).toBe(400)
  })
})
