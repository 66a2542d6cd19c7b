import {
  type IssuerConnector,
  type IssuerHost,
  isCertctlError,
  parseConfig,
  type RevocationRequest,
  z,
} from '@certctl/core'
import { type Certificate, parseCertificate } from '@certctl/pki'
import { createIssuanceRequest, issuedRefOf, type RequestOverrides, type SeenRequest } from '@certctl/testing'
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'
import stepCa from '../src/index.js'
import { address, type FakeStepCa, keyPath, password, rootPath } from './fake-step-ca.js'

export const never = new AbortController().signal
export const names = [{ type: 'dns', value: 'www.example.test' }] as const

/** The connector over the fake, with key and root in files unless the settings say otherwise. */
export function connectorTo(world: FakeStepCa, over: object = {}, host: IssuerHost = world.host): IssuerConnector {
  const given = { ca_url: address, provisioner_name: 'adm', provisioner_key_path: keyPath, root_cert_path: rootPath }
  const config = { ...given, provisioner_password: password, ...over }
  return stepCa.create(parseConfig(stepCa.configSchema, config, stepCa.type), host)
}

export type Issued = { certificatePem: string; chainPem: string; certificate: Certificate }

export async function issue(connector: IssuerConnector, over: Partial<RequestOverrides> = {}): Promise<Issued> {
  const outcome = await connector.issue(await createIssuanceRequest({ names, ...over }))
  if (outcome.status !== 'valid') throw new Error(`answered ${outcome.status}`)
  return { ...outcome, certificate: parseCertificate(outcome.certificatePem) }
}

export function revocationOf(
  issued: { certificatePem: string; chainPem: string },
  reason: RevocationRequest['reason'] = 'superseded',
): RevocationRequest {
  const asked = { id: 'r', attempt: 1, firstAskedAt: new Date(), reason, reasonText: 'replaced by another' }
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

export function askedAt(world: FakeStepCa, path: string): SeenRequest[] {
  return world.requests.filter((request) => request.path === path)
}

/** Header and claims of the token in a request. */
export function tokenIn(request: SeenRequest | undefined): JWTPayload & { kid?: string; alg?: string } {
  const { ott } = z.object({ ott: z.string() }).parse(request?.json())
  const { kid, alg } = decodeProtectedHeader(ott)
  return { ...decodeJwt(ott), ...(kid !== undefined && { kid }), ...(alg !== undefined && { alg }) }
}
