import { CertctlError, createRegistry, defineIssuer, type IssuanceRequest, secret, z } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { systemActor } from '../../src/access/principal.js'
import { concealedConnector } from '../../src/connectors/concealed-connector.js'
import { createConcealer } from '../../src/connectors/concealer.js'
import { createConnection } from '../../src/inventory/create-connection.js'
import { testConnection } from '../../src/inventory/test-connection.js'
import { createTestServices, type TestServices } from '../postgres.js'

const token = 'canary token/with "quotes"'

/** Says its token wherever it can. */
const careless = defineIssuer({
  type: 'Careless',
  displayName: 'A careless CA',
  configSchema: z.strictObject({ token: secret().describe('Its token.'), place: z.string().describe('Where it is.') }),
  capabilities: {
    operations: ['poll', 'test'],
    names: ['dns'],
    honours: [],
    revocationReasons: [],
    metered: false,
  },
  create(config, host) {
    const said = config.token.reveal()
    return {
      async issue() {
        host.log.warn(`asked with ${said}`, { headers: [{ authorization: `Bearer ${said}` }], place: config.place })
        throw new CertctlError('upstream_unavailable', `${config.place} refused ${said}`, {
          retryAfterSeconds: 17,
          cause: new Error(`socket of ${said}`),
          errors: [{ field: 'config.token', message: `${said} is wrong` }],
        })
      },
      poll: async () => ({ status: 'invalid', orderId: said, reason: `no order for ${said}` }),
      test: async () => {
        throw new Error(
          `GET /?token=${encodeURIComponent(said).replaceAll('%20', '+')} and ${JSON.stringify({ said })}`,
        )
      },
    }
  },
})

let services: TestServices
beforeAll(async () => {
  const registry = createRegistry()
  registry.add({ kind: 'issuer', definition: careless, package: 'careless', version: '1.0.0' })
  services = await createTestServices({ registry })
  await createConnection(services, 'issuer', {
    id: 'iss-careless',
    name: 'careless',
    type: 'Careless',
    config: { token, place: 'ca.test' },
    enabled: true,
    actor: systemActor,
  })
})
afterAll(async () => await services.close())

async function refusal(ask: () => Promise<unknown>): Promise<unknown> {
  return await ask().then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('what a careless connector says', () => {
  it('reaches nobody with its secret in it, and keeps its code and its delay', async () => {
    const { connector } = await services.connections.issuer('iss-careless')
    const error = await refusal(async () => await connector.issue({} as IssuanceRequest))
    expect(error).toMatchObject({
      code: 'upstream_unavailable',
      message: 'ca.test refused ********',
      retryAfterSeconds: 17,
      errors: [{ field: 'config.token', message: '******** is wrong' }],
      cause: { message: 'socket of ********' },
    })
  })

  it('is logged without its secret, in the message and deep inside of the fields', () => {
    expect(services.logged.find(({ instance }) => instance === 'iss-careless')).toMatchObject({
      msg: 'asked with ********',
      headers: [{ authorization: 'Bearer ********' }],
      place: 'ca.test',
    })
    expect(JSON.stringify(services.logged)).not.toContain('canary')
  })

  it('is masked in the explanation of an answer, never in what the connector is to be given back', async () => {
    const { connector } = await services.connections.issuer('iss-careless')
    const outcome = await connector.poll?.({ orderId: 'x' } as Parameters<NonNullable<typeof connector.poll>>[0])
    expect(outcome).toEqual({ status: 'invalid', orderId: token, reason: 'no order for ********' })
  })

  it('is written down after a test without its secret, also as an address and as JSON carry it', async () => {
    const signal = new AbortController().signal
    const error = await refusal(
      async () => await testConnection(services, 'issuer', { id: 'iss-careless', actor: systemActor, signal }),
    )
    expect(String(error)).not.toContain('canary')
    const row = await services.store.connections.get('issuer', 'iss-careless')
    expect(row?.test_message).toBe('GET /?token=******** and {"said":"********"}')
  })

  it('leaves alone the methods a connector does not have', async () => {
    const { connector } = await services.connections.issuer('iss-careless')
    expect(connector.revoke).toBeUndefined()
    expect('revoke' in connector).toBe(false)
    expect('poll' in connector).toBe(true)
  })
})

describe('a concealed connector', () => {
  const schema = { type: 'object', properties: { pem: { 'x-certctl': 'secret' }, open: { type: 'string' } } }

  it('passes an error on as it is where nothing in it is secret', async () => {
    const said = new CertctlError('conflict', 'Somebody was first')
    const connector = concealedConnector(
      {
        ask: async () => {
          throw said
        },
      },
      createConcealer(schema, { open: 'first' }),
    )
    expect(await refusal(connector.ask)).toBe(said)
  })

  it('keeps the private members of its class, also when it is frozen', () => {
    class Counter {
      #count = 0
      next(): number {
        this.#count += 1
        return this.#count
      }
    }
    const connector = concealedConnector(Object.freeze(new Counter()), createConcealer(schema, {}))
    expect([connector.next(), connector.next()]).toEqual([1, 2])
  })
})
