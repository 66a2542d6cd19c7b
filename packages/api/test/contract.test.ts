import { describe, expect, it } from '@jest/globals'
import { allows, type Operation, openApi, operations, permissions, rolePermissions, roles } from '../src/index.js'

const all: Operation[] = Object.values(operations)

/** Visits every object inside a document. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield value as Record<string, unknown>
  for (const part of Object.values(value)) yield* objectsIn(part)
}

describe('the table of routes', () => {
  it('names each operation as it is keyed, and each method and path once', () => {
    for (const [name, operation] of Object.entries(operations)) expect(operation.operationId).toBe(name)
    const places = all.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`)
    expect(new Set(places).size).toBe(places.length)
  })

  it('describes exactly the parameters that its path has', () => {
    for (const { path, params, operationId } of all) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map((found) => found[1])
      expect({ operationId, names: Object.keys(params?.shape ?? {}) }).toEqual({ operationId, names: named })
    }
  })

  it('refuses unknown fields in every body and unknown words in every query', () => {
    for (const { operationId, body, query, params } of all)
      for (const schema of [body, query, params].filter((part) => part !== undefined)) {
        const issues = schema.safeParse({ surely_unknown: 1 }).error?.issues ?? []
        expect({ operationId, unknown: issues.some(({ code }) => code === 'unrecognized_keys') }).toEqual({
          operationId,
          unknown: true,
        })
      }
  })

  it('takes no body with GET and DELETE, and says 2xx for each', () => {
    for (const { method, body, responses } of all) {
      if (method === 'GET' || method === 'DELETE') expect(body).toBeUndefined()
      expect(Object.keys(responses).some((status) => status.startsWith('2'))).toBe(true)
    }
  })

  it('keeps every path that existing clients call', () => {
    const places = all.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`)
    expect(places).toEqual(
      expect.arrayContaining([
        'GET /health',
        'GET /ready',
        'GET /api/v1/version',
        'GET /api/v1/auth/info',
        'GET /api/v1/auth/check',
        'GET /api/v1/certificates',
        'POST /api/v1/certificates',
        'GET /api/v1/certificates/{}',
        'PUT /api/v1/certificates/{}',
        'DELETE /api/v1/certificates/{}',
        'GET /api/v1/certificates/{}/versions',
        'GET /api/v1/certificates/{}/deployments',
        'POST /api/v1/certificates/{}/renew',
        'POST /api/v1/certificates/{}/deploy',
        'GET /api/v1/certificates/{}/export/pem',
        ...['teams', 'owners', 'agent-groups', 'profiles', 'renewal-policies', 'policies'].flatMap((noun) => [
          `GET /api/v1/${noun}`,
          `POST /api/v1/${noun}`,
          `GET /api/v1/${noun}/{}`,
          `PUT /api/v1/${noun}/{}`,
          `DELETE /api/v1/${noun}/{}`,
        ]),
        'GET /api/v1/policies/{}/violations',
        'GET /api/v1/agent-groups/{}/members',
        'POST /api/v1/issuers/{}/test',
        'POST /api/v1/targets/{}/test',
        'GET /api/v1/agents/retired',
        'DELETE /api/v1/agents/{}',
        'POST /api/v1/agents/{}/heartbeat',
        'POST /api/v1/agents/{}/csr',
        'GET /api/v1/agents/{}/certificates/{}',
        'GET /api/v1/agents/{}/work',
        'POST /api/v1/agents/{}/jobs/{}/status',
        'POST /api/v1/agents/{}/discoveries',
        'POST /api/v1/jobs/{}/cancel',
        'POST /api/v1/jobs/{}/verify',
        'GET /api/v1/jobs/{}/verification',
        'GET /api/v1/audit',
        'GET /api/v1/metrics/prometheus',
      ]),
    )
  })
})

describe('who may do what', () => {
  it('gives every permission to the administrator, but none that is an agent’s alone', () => {
    expect(new Set(rolePermissions.admin)).toEqual(new Set(permissions.filter((name) => name !== 'agent.act')))
    for (const operation of all.filter(({ permission }) => permission === 'agent.act'))
      expect(roles.filter((role) => allows(role, operation))).toEqual(['agent'])
  })

  it('lets an agent reach its own things and nothing else', () => {
    const reached = all.filter((operation) => allows('agent', operation))
    for (const { permission, agent } of reached)
      expect(agent === 'own' || ['public', 'auth.self'].includes(permission)).toBe(true)
    for (const { path, agent } of reached.filter(({ path }) => path.startsWith('/api/v1/agents/{id}'))) {
      expect({ path, agent }).toEqual({ path, agent: 'own' })
    }
  })

  it('lets viewers and auditors change nothing', () => {
    const changing = all.filter(({ method, permission }) => method !== 'GET' && permission !== 'public')
    for (const role of ['viewer', 'auditor'] as const)
      expect(changing.filter((operation) => allows(role, operation)).map(({ operationId }) => operationId)).toEqual(
        role === 'auditor' ? ['verifyAudit'] : [],
      )
  })

  it('keeps keys, the record and the rules they work under from operators', () => {
    const denied = all.filter((operation) => !allows('operator', operation)).map(({ permission }) => permission)
    expect(new Set(denied)).toEqual(
      new Set([
        'agent.act',
        'api_keys.read',
        'certificates.bulk_revoke',
        'api_keys.write',
        'audit.read',
        'audit.verify',
        'encryption_key.read',
        'encryption_key.write',
        'owners.write',
        'policies.write',
      ]),
    )
  })

  it('needs a key for everything but what must be open', () => {
    const open = all.filter(({ permission }) => permission === 'public').map(({ path }) => path)
    expect(open.toSorted()).toEqual([
      '/api/v1/agents/join',
      '/api/v1/auth/info',
      '/api/v1/version',
      '/docs',
      '/health',
      '/openapi.json',
      '/ready',
    ])
  })
})

describe('the OpenAPI document', () => {
  const document = JSON.parse(JSON.stringify(openApi(operations, { title: 'certctl', version: '1.2.3' }))) as {
    openapi: string
    paths: Record<string, Record<string, Record<string, unknown>>>
    components: { schemas: Record<string, unknown>; responses: Record<string, unknown> }
  }
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  )

  it('is 3.1 and has every operation with its permission', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(described.map(({ operation }) => operation.operationId).toSorted()).toEqual(
      Object.keys(operations).toSorted(),
    )
    for (const { operation } of described) expect(permissions).toContain(operation['x-permission'])
  })

  it('refers only to components it has, and leaves no definition or id of its own inside a schema', () => {
    for (const part of objectsIn(document)) {
      const { $ref } = part
      if (typeof $ref === 'string') {
        const [, , group, name] = $ref.split('/')
        expect({
          $ref,
          found:
            name !== undefined &&
            name in (group === 'schemas' ? document.components.schemas : document.components.responses),
        }).toEqual({ $ref, found: true })
      }
      expect(part).not.toHaveProperty('$defs')
      expect(part).not.toHaveProperty('$schema')
      expect(typeof part.id === 'string').toBe(false)
    }
  })

  it('declares each parameter of each path as required, and each other one as optional', () => {
    for (const { path, operation } of described) {
      const parameters = (operation.parameters ?? []) as { name: string; in: string; required: boolean }[]
      const named = [...path.matchAll(/\{(\w+)\}/g)].map((found) => found[1])
      expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(named)
      for (const one of parameters) expect(one.required).toBe(one.in === 'path')
    }
  })

  it('says of every operation how a refusal looks', () => {
    for (const { operation } of described)
      expect(operation.responses).toHaveProperty('default', { $ref: '#/components/responses/Problem' })
    expect(document.components.schemas.Problem).toMatchObject({
      required: ['type', 'title', 'status', 'detail', 'code', 'error', 'message', 'request_id'],
    })
  })

  it('calls a body required exactly where it must be sent', () => {
    const required = (id: string) =>
      described.find(({ operation }) => operation.operationId === id)?.operation.requestBody as { required: boolean }
    expect(required('createCertificate').required).toBe(true)
    expect(required('renewCertificate').required).toBe(false)
  })

  it('asks for an idempotency key where something is made and for an ETag where something is changed', () => {
    const headers = (id: string) => {
      const found = described.find(({ operation }) => operation.operationId === id)
      const parameters = (found?.operation.parameters ?? []) as { name: string; in: string }[]
      return parameters.filter((one) => one.in === 'header').map(({ name }) => name)
    }
    expect(headers('createCertificate')).toEqual(['Idempotency-Key'])
    expect(headers('updateCertificate')).toEqual(['If-Match'])
  })
})
