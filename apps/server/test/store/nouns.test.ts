import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createTestServices, type TestServices } from '../postgres.js'
import { holdTransaction, isPending, untilBlocked } from '../races/steps.js'

let services: TestServices
beforeAll(async () => {
  services = await createTestServices()
})
afterAll(async () => await services.close())

const named = (id: string, name = id) => {
  const now = services.clock.now()
  return { id, name, created_at: now, updated_at: now }
}

describe('the tables of plain nouns', () => {
  it('give back every column they were given, and the defaults of those they were not', async () => {
    const { store } = services
    await store.teams.insert({ ...named('t-platform', 'Platform'), description: 'Runs it' })
    await store.owners.insert({ ...named('o-ada', 'Ada'), email: 'ada@example.com', team_id: 't-platform' })
    await store.agentGroups.insert({ ...named('ag-linux'), match_os: 'linux', include_agent_ids: ['agent-1'] })
    await store.profiles.insert({
      ...named('prof-web'),
      allowed_key_algorithms: JSON.stringify([{ algorithm: 'ECDSA', min_size: 256 }]),
    })
    await store.renewalPolicies.insert({
      ...named('rp-standard'),
      alert_channels: JSON.stringify({ critical: ['Slack'] }),
    })
    await store.policyRules.insert({ ...named('pr-prod'), type: 'AllowedEnvironments', config: '{"allowed":["prod"]}' })

    expect(await store.teams.get('t-platform')).toEqual({ ...named('t-platform', 'Platform'), description: 'Runs it' })
    expect(await store.owners.get('o-ada')).toMatchObject({ email: 'ada@example.com', team_id: 't-platform' })
    expect(await store.agentGroups.get('ag-linux')).toMatchObject({
      match_os: 'linux',
      match_version: '',
      include_agent_ids: ['agent-1'],
      exclude_agent_ids: [],
      enabled: true,
    })
    expect(await store.profiles.get('prof-web')).toMatchObject({
      allowed_key_algorithms: [{ algorithm: 'ECDSA', min_size: 256 }],
      allowed_ekus: ['serverAuth', 'clientAuth'],
      allow_wildcards: true,
      max_ttl_seconds: null,
    })
    expect(await store.renewalPolicies.get('rp-standard')).toMatchObject({
      renewal_window_days: 30,
      alert_thresholds_days: [30, 14, 7, 0],
      alert_channels: { critical: ['Slack'] },
    })
    expect(await store.policyRules.get('pr-prod')).toMatchObject({ config: { allowed: ['prod'] }, mode: 'warn' })
    expect(await store.policyRules.get('pr-none')).toBeUndefined()
  })

  it('find a name whatever its case, and hold no second one', async () => {
    const { store } = services
    expect((await store.teams.findByName('PLATFORM'))?.id).toBe('t-platform')
    await expect(store.teams.insert(named('t-2', 'pLatform'))).rejects.toThrow('teams_name')
  })

  it('list the enabled rules only where that is asked', async () => {
    const { store } = services
    await store.policyRules.insert({ ...named('pr-off'), type: 'AllowedEnvironments', enabled: false })
    expect((await store.policyRules.listEnabled()).map((row) => row.id)).toEqual(['pr-prod'])
    expect((await store.policyRules.list()).map((row) => row.id)).toEqual(
      expect.arrayContaining(['pr-off', 'pr-prod', 'pr-require-owner']),
    )
    expect((await store.policyRules.page({ limit: 1, count: true })).total).toBe(6)
  })

  it('keep a row that somebody is about to refer to from being removed, not from being changed', async () => {
    const { store } = services
    await store.teams.insert(named('t-held'))
    const held = await holdTransaction(services, async (tx) => {
      expect((await tx.teams.lockForShare('t-held'))?.id).toBe('t-held')
    })
    await store.transaction(async (tx) => {
      await tx.teams.lock('t-held')
      await tx.teams.update('t-held', { description: 'changed meanwhile' })
    })
    const removal = store.transaction(async (tx) => {
      await tx.teams.lockToRemove('t-held')
      await tx.teams.remove('t-held')
    })
    await untilBlocked(services)
    expect(await isPending(removal)).toBe(true)
    await held.commit()
    await removal
    expect(await store.teams.get('t-held')).toBeUndefined()
  })
})
