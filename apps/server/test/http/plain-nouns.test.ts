import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
let agent: { id: string }
beforeAll(async () => {
  app = await createTestApp()
  agent = await app.addAgent('member')
})
afterAll(async () => await app.close())

interface Example {
  path: string
  id: string
  /** What an old client sends. */
  body: Record<string, unknown>
  change: Record<string, unknown>
  resource: string
}

const examples: readonly Example[] = [
  { path: 'teams', id: 't-web', body: { name: 'Web' }, change: { description: 'Serves pages' }, resource: 'team' },
  {
    path: 'owners',
    id: 'o-ada',
    body: { name: 'Ada', email: 'ada@example.com' },
    change: { email: 'lovelace@example.com' },
    resource: 'owner',
  },
  {
    path: 'agent-groups',
    id: 'ag-linux',
    body: { name: 'Linux', match_os: 'linux', match_ip_cidr: '10.0.0.0/8' },
    change: { match_ip_cidr: '' },
    resource: 'agent_group',
  },
  {
    path: 'profiles',
    id: 'prof-web',
    body: {
      name: 'Web servers',
      allowed_key_algorithms: [{ algorithm: 'ECDSA', min_size: 256 }],
      max_ttl_seconds: 7_776_000,
      allowed_ekus: ['serverAuth'],
      required_san_patterns: ['.*\\.example\\.com'],
    },
    change: { requires_approval: true },
    resource: 'profile',
  },
  {
    path: 'renewal-policies',
    id: 'rp-web',
    body: {
      name: 'Web',
      renewal_window_days: 20,
      alert_thresholds_days: [14, 7],
      alert_channels: { critical: ['PagerDuty'] },
      alert_severity_map: { '14': 'warning', '7': 'critical' },
    },
    change: { max_retries: 0 },
    resource: 'renewal_policy',
  },
  {
    path: 'policies',
    id: 'pr-prod',
    body: { name: 'Environments', type: 'AllowedEnvironments', config: { allowed: ['production'] } },
    change: { severity: 'Critical', mode: 'enforce' },
    resource: 'policy',
  },
]

describe.each(examples)('$path', ({ path, id, body, change, resource }) => {
  const at = `/api/v1/${path}`

  it('are added, shown, changed field by field and removed, each with its entry in the record', async () => {
    const made = await app.admin('POST', at, { id, ...body })
    expect([made.status, made.json]).toEqual([201, expect.objectContaining({ id, ...body })])
    expect((await app.admin('GET', at)).json.data?.map((one) => one.id)).toContain(id)
    const changed = await app.admin('PUT', `${at}/${id}`, change)
    expect([changed.status, changed.json]).toEqual([200, expect.objectContaining({ id, ...body, ...change })])
    expect((await app.admin('GET', `${at}/${id}`)).json).toEqual(changed.json)
    expect((await app.admin('DELETE', `${at}/${id}`)).status).toBe(204)
    expect((await app.admin('GET', `${at}/${id}`)).status).toBe(404)
    const entries = await app.admin('GET', `/api/v1/audit?resource_type=${resource}&resource_id=${id}`)
    expect(entries.json.data?.map((entry) => entry.action).toSorted()).toEqual([
      `${resource}.created`,
      `${resource}.deleted`,
      `${resource}.updated`,
    ])
  })

  it('may be sent back as they were read', async () => {
    const made = await app.admin('POST', at, { ...body, name: `${body.name} again` })
    const again = await app.admin('PUT', `${at}/${made.json.id}`, made.json)
    expect([again.status, { ...again.json, updated_at: undefined }]).toEqual([
      200,
      { ...made.json, updated_at: undefined },
    ])
  })

  it('do not share a name, whatever its case, nor an id', async () => {
    const name = `${body.name} of one`
    expect((await app.admin('POST', at, { ...body, id: `${id}-1`, name })).status).toBe(201)
    const twin = await app.admin('POST', at, { ...body, id: `${id}-2`, name: name.toUpperCase() })
    expect([twin.status, twin.json.code]).toEqual([409, 'conflict'])
    expect(twin.text).toContain(`(${id}-1)`)
    const sameId = await app.admin('POST', at, { ...body, id: `${id}-1`, name: 'another' })
    expect(sameId.status).toBe(409)
    const other = await app.admin('POST', at, { ...body, id: `${id}-3`, name: `${name} 3` })
    expect((await app.admin('PUT', `${at}/${other.json.id}`, { name })).status).toBe(409)
    expect((await app.admin('PUT', `${at}/${other.json.id}`, { name: `${name} 3`.toUpperCase() })).status).toBe(200)
  })

  it('added at the same time under one name become one', async () => {
    const name = `${body.name} in a race`
    const answers = await Promise.all([1, 2, 3, 4].map(async () => await app.admin('POST', at, { ...body, name })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409])
  })

  it('are changed only as they were read, where the request says so', async () => {
    const made = await app.admin('POST', at, { ...body, id: `${id}-etag`, name: `${body.name} etag` })
    const { headers } = await app.admin('GET', `${at}/${made.json.id}`)
    const put = async (tag: string) =>
      (await app.call('PUT', `${at}/${id}-etag`, { key: app.keys.admin, body: change, headers: { 'if-match': tag } }))
        .status
    expect(await put(String(headers.etag))).toBe(200)
    expect(await put(String(headers.etag))).toBe(412)
  })

  it('refuse fields nobody knows and names that are none, and say which', async () => {
    const refused = await app.admin('POST', at, { ...body, colour: 'red' })
    expect([refused.status, refused.json.errors]).toEqual([400, [{ field: 'colour', message: 'is not a known field' }]])
    for (const name of ['', '   ', 'x'.repeat(129), 7, null])
      expect([name, (await app.admin('POST', at, { ...body, name })).status]).toEqual([name, 400])
    expect((await app.admin('PUT', `${at}/nothing-here`, change)).status).toBe(404)
    expect((await app.admin('DELETE', `${at}/nothing-here`)).status).toBe(404)
  })

  it('come in pages by cursor that miss nothing', async () => {
    const all = (await app.admin('GET', `${at}?per_page=500`)).json.data?.map((one) => one.id)
    const seen: unknown[] = []
    for (let query = 'page_size=2'; query !== ''; ) {
      const { json } = await app.admin('GET', `${at}?${query}`)
      seen.push(...(json.data ?? []).map((one) => one.id))
      query = json.next_cursor === undefined ? '' : `page_size=2&cursor=${json.next_cursor}`
    }
    expect(seen).toEqual(all)
  })
})

describe('what is in use', () => {
  it('is not removed, and the refusal counts and names what uses it', async () => {
    await app.admin('POST', '/api/v1/teams', { id: 't-used', name: 'Used' })
    for (const n of [1, 2, 3, 4, 5, 6, 7])
      await app.admin('POST', '/api/v1/owners', { id: `o-used-${n}`, name: `Used ${n}`, team_id: 't-used' })
    const refused = await app.admin('DELETE', '/api/v1/teams/t-used')
    expect([refused.status, refused.json.code, refused.json.errors]).toEqual([
      409,
      'conflict',
      [{ field: 'owners', message: '7: o-used-1, o-used-2, o-used-3, o-used-4, o-used-5, …' }],
    ])
    for (const n of [1, 2, 3, 4, 5, 6, 7]) await app.admin('DELETE', `/api/v1/owners/o-used-${n}`)
    expect((await app.admin('DELETE', '/api/v1/teams/t-used')).status).toBe(204)
  })

  it('counts for a profile that a renewal policy names', async () => {
    await app.admin('POST', '/api/v1/profiles', { id: 'prof-used', name: 'Profile in use' })
    const policy = { id: 'rp-user', name: 'User of a profile', certificate_profile_id: 'prof-used' }
    expect((await app.admin('POST', '/api/v1/renewal-policies', policy)).status).toBe(201)
    const refused = await app.admin('DELETE', '/api/v1/profiles/prof-used')
    expect([refused.status, refused.json.errors]).toEqual([409, [{ field: 'renewal policies', message: '1: rp-user' }]])
  })
})

describe('members of an agent group', () => {
  it('are the agents that match now, page by page', async () => {
    const others = await Promise.all(['m1', 'm2', 'm3'].map(async (name) => await app.addAgent(name)))
    for (const { id } of others)
      await app.services.store.agents.update(id, { os: 'Linux', ip_address: '10.9.0.7', version: '1.2.3' })
    const body = { name: 'Members', match_os: 'linux', match_ip_cidr: '10.9.0.0/24', match_version: '1.2.*' }
    const made = await app.admin('POST', '/api/v1/agent-groups', {
      ...body,
      include_agent_ids: [agent.id],
      exclude_agent_ids: [others[0]?.id],
    })
    expect(made.status).toBe(201)
    const wanted = [agent.id, others[1]?.id, others[2]?.id].toSorted()
    const path = `/api/v1/agent-groups/${made.json.id}/members`
    const all = await app.admin('GET', path)
    expect([all.json.total, all.json.data?.map((one) => one.id)]).toEqual([3, wanted])
    const first = await app.admin('GET', `${path}?page_size=2`)
    const second = await app.admin('GET', `${path}?page_size=2&cursor=${first.json.next_cursor}`)
    expect([first, second].flatMap(({ json }) => json.data?.map((one) => one.id))).toEqual(wanted)
    expect(second.json.next_cursor).toBeUndefined()
    expect((await app.admin('GET', '/api/v1/agent-groups/ag-none/members')).status).toBe(404)
    const refused = await app.admin('PUT', `/api/v1/agent-groups/${made.json.id}`, { include_agent_ids: ['nobody'] })
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('there is no agent \\"nobody\\"')])
  })
})

describe('violations of a policy', () => {
  it('are listed under it, open ones unless past ones are asked for too, and go with it', async () => {
    const { store, clock } = app.services
    const rule = { id: 'pr-violated', name: 'Violated', type: 'CertificateLifetime', config: { max_days: 90 } }
    await app.admin('POST', '/api/v1/policies', rule)
    const path = '/api/v1/policies/pr-violated/violations'
    expect((await app.admin('GET', path)).json).toMatchObject({ data: [], total: 0 })
    for (const [n, id] of ['open', 'past'].entries()) {
      await addCertificate(`c-${id}`)
      const created_at = new Date(clock.now().getTime() + n)
      const violation = { rule_id: 'pr-violated', message: 'lasts 91 days', severity: 'Warning', created_at }
      await store.policyViolations.insert({ id: `v-${id}`, certificate_id: `c-${id}`, ...violation })
    }
    await store.policyViolations.resolve(['v-past'], clock.now())
    expect((await app.admin('GET', path)).json.data).toEqual([
      {
        id: 'v-open',
        certificate_id: 'c-open',
        rule_id: 'pr-violated',
        message: 'lasts 91 days',
        severity: 'Warning',
        created_at: clock.now().toISOString(),
      },
    ])
    const all = (await app.admin('GET', `${path}?resolved=true`)).json.data
    expect(all?.map((one) => [one.id, one.resolved_at !== undefined])).toEqual([
      ['v-open', false],
      ['v-past', true],
    ])
    expect((await app.admin('GET', '/api/v1/policies/pr-none/violations')).status).toBe(404)
    expect((await app.admin('DELETE', '/api/v1/policies/pr-violated')).status).toBe(204)
    expect(await store.policyViolations.listOpenOfCertificate('c-open')).toEqual([])
  })

  async function addCertificate(id: string): Promise<void> {
    const { store, clock } = app.services
    const at = { created_at: clock.now(), updated_at: clock.now() }
    if ((await store.connections.get('issuer', 'iss-x')) === undefined)
      await store.connections.insert({
        ...{ id: 'iss-x', kind: 'issuer', type: 'X', name: 'X', config: '{}', source: 'api' },
        ...at,
      })
    await store.certificates.insert({ id, name: id, names: '[]', subject: '[]', issuer_id: 'iss-x', tags: '{}', ...at })
  }
})

describe('the rules that older installations had', () => {
  it('are there under their ids, count for nothing, and can be enabled by their clients', async () => {
    const ids = ['pr-require-owner', 'pr-allowed-environments', 'pr-max-certificate-lifetime', 'pr-min-renewal-window']
    for (const id of ids)
      expect((await app.admin('GET', `/api/v1/policies/${id}`)).json).toMatchObject({ enabled: false, mode: 'warn' })
    expect((await app.services.store.policyRules.listEnabled()).filter(({ id }) => ids.includes(id))).toEqual([])
    const { json } = await app.admin('GET', '/api/v1/policies/pr-max-certificate-lifetime')
    const changed = await app.admin('PUT', '/api/v1/policies/pr-max-certificate-lifetime', { ...json, enabled: true })
    expect([changed.status, changed.json]).toEqual([
      200,
      expect.objectContaining({ enabled: true, config: { max_days: 90 }, severity: 'Critical' }),
    ])
  })
})
