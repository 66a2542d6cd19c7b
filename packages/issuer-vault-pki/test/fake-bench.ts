import {
  type IssuerConnector,
  type IssuerHost,
  isCertctlError,
  parseConfig,
  type RevocationRequest,
} from '@certctl/core'
import { type Certificate, parseCertificate } from '@certctl/pki'
import { createIssuanceRequest, issuedRefOf, type RequestOverrides } from '@certctl/testing'
import vault from '../src/index.js'
import { address, type FakeVault, rootToken } from './fake-vault.js'

export const never = new AbortController().signal
export const names = [{ type: 'dns', value: 'www.example.test' }] as const

/** The connector over the fake, with a token that may do everything unless the settings say otherwise. */
export function connectorTo(world: FakeVault, over: object = {}, host: IssuerHost = world.host): IssuerConnector {
  const config = { addr: address, token: rootToken, role: 'web', ttl: '24h', ...over }
  return vault.create(parseConfig(vault.configSchema, config, vault.type), host)
}

export type Issued = { certificatePem: string; chainPem: string; certificate: Certificate }

export async function issue(connector: IssuerConnector, over: Partial<RequestOverrides> = {}): Promise<Issued> {
  const outcome = await connector.issue(await createIssuanceRequest({ names, ...over }))
  if (outcome.status !== 'valid') throw new Error(`answered ${outcome.status}`)
  return { ...outcome, certificate: parseCertificate(outcome.certificatePem) }
}

export function revocationOf(issued: { certificatePem: string; chainPem: string }): RevocationRequest {
  const asked = { id: 'r', attempt: 1, firstAskedAt: new Date(), reason: 'superseded', reasonText: 'replaced' } as const
  return { ...asked, certificate: issuedRefOf(issued), signal: never }
}

/** Code and sentence of what must fail. */
export async function failureOf(work: Promise<unknown> | undefined): Promise<string> {
  const error: unknown = await work?.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  return isCertctlError(error) ? `${error.code}: ${error.message}` : String(error)
}
