import { type IssuanceRequest, type IssuerConnector, type OrderOutcome, parseConfig } from '@certctl/core'
import { createIssuanceRequest } from '@certctl/testing'
import ejbca from '../src/index.js'
import { type FakeWorld, fakeWorld } from './fake-world.js'
import { createEjbcaMaterial, mtlsConfig } from './material.js'

export const material = await createEjbcaMaterial()
export const never = new AbortController().signal

export function start(world: FakeWorld, config: Readonly<Record<string, unknown>> = mtlsConfig): IssuerConnector {
  return ejbca.create(parseConfig(ejbca.configSchema, config, ejbca.type), world.host)
}
export const worldOf = (options: Parameters<typeof fakeWorld>[1] = {}) => fakeWorld(material, options)
export const request = (overrides: Partial<Parameters<typeof createIssuanceRequest>[0]> = {}) =>
  createIssuanceRequest({ names: [{ type: 'dns', value: 'www.example.test' }], ...overrides })

export function valid(outcome: OrderOutcome | undefined) {
  if (outcome?.status !== 'valid') throw new Error(`answered ${JSON.stringify(outcome)}`)
  return outcome
}
export function pending(outcome: OrderOutcome | undefined) {
  if (outcome?.status !== 'pending') throw new Error(`answered ${JSON.stringify(outcome)}`)
  return outcome
}
/** A look by another server copy, with what the last outcome left. */
export async function look(world: FakeWorld, asked: IssuanceRequest, before: OrderOutcome, config = mtlsConfig) {
  const { orderId, progress } = pending(before)
  return await start(world, config).poll?.({ orderId, progress, request: asked, signal: never })
}
export const enrolments = (world: FakeWorld) =>
  world.ejbca.calls.filter((call) => call.endsWith('/pkcs10enroll')).length

/** The same world, but the answer to the first call of this path is lost after EJBCA did it. */
export function losing(world: FakeWorld, path: string): FakeWorld {
  let lost = false
  const { http } = world.host
  const host = {
    ...world.host,
    http: (options: Parameters<typeof http>[0]) => {
      const client = http(options)
      return {
        async request(one: Parameters<typeof client.request>[0]) {
          const answer = await client.request(one)
          if (lost || !String(one.path).endsWith(path)) return answer
          lost = true
          throw Object.assign(new Error('connection reset'), { code: 'upstream_unavailable' })
        },
      }
    },
  }
  return { ...world, host }
}
