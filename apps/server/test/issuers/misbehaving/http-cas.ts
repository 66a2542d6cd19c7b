import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseCertificate } from '@certctl/pki'
import { createTestCa, type HttpAnswer, type SeenRequest } from '@certctl/testing'
import { createFakeAcme } from '../../../../../packages/issuer-acme/test/fake-acme.js'
import { caName, fakeEjbca } from '../../../../../packages/issuer-ejbca/test/fake-ejbca.js'
import {
  fakeStepCa,
  password,
  rootPath,
  address as stepAddress,
} from '../../../../../packages/issuer-step-ca/test/fake-step-ca.js'
import {
  fakeVault,
  rootToken,
  address as vaultAddress,
} from '../../../../../packages/issuer-vault-pki/test/fake-vault.js'
import { type Served, serve } from './serve.js'
import { behaving, type Misbehaviour, type ServedCa } from './served-ca.js'

interface Kind {
  type: string
  /** The request that orders a certificate. */
  ordering: string
  /** Which request is answered with the certificate. */
  isSigning(request: SeenRequest): boolean
  /** That answer. */
  signed(certificates: readonly string[]): HttpAnswer
  /** Everything else. */
  usual(request: SeenRequest, behaviour: Misbehaviour): Promise<HttpAnswer>
  config(served: Served): Promise<Readonly<Record<string, unknown>>>
}

async function open({ type, ordering, isSigning, signed, usual, config }: Kind): Promise<ServedCa> {
  const state = { behaviour: behaving }
  const served = await serve(async (request) => {
    const { behaviour } = state
    if ('everything' in behaviour) return behaviour.everything
    return isSigning(request) ? signed(behaviour.certificates) : await usual(request, behaviour)
  })
  return {
    type,
    ordering,
    config: await config(served),
    asked: served.asked,
    get behaviour() {
      return state.behaviour
    },
    set behaviour(next) {
      state.behaviour = next
    },
    close: served.close,
  }
}

/** Names are proven from the beginning: what is looked at here comes before and after. */
export async function openAcme(now: () => Date): Promise<ServedCa> {
  const outside = { now, texts: () => [], keyAuthorization: () => undefined }
  let made: ReturnType<typeof createFakeAcme> | undefined
  return await open({
    type: 'ACME',
    ordering: 'POST /new-order',
    isSigning: ({ path }) => path.startsWith('/cert/'),
    signed: (certificates) => ({
      status: 200,
      headers: { 'content-type': 'application/pem-certificate-chain' },
      body: certificates.join(''),
    }),
    async usual(request, behaviour) {
      made ??= createFakeAcme(outside, {}, request.url.origin)
      const ca = await made
      const orderHost = 'orderHost' in behaviour ? behaviour.orderHost : undefined
      ca.switches = { preValidated: true, processingPolls: 0, orderHost }
      return await ca.answer(request)
    },
    config: async ({ origin, caPath }) => ({ directory_url: `${origin}/directory`, ca_bundle_path: caPath }),
  })
}

export async function openVault(): Promise<ServedCa> {
  const vault = await fakeVault()
  return await open({
    type: 'VaultPKI',
    ordering: 'POST /v1/pki/sign/web',
    isSigning: ({ path }) => path === '/v1/pki/sign/web',
    signed: ([certificate = '', ...others]) => ({ status: 200, json: { data: { certificate, ca_chain: others } } }),
    usual: async (request) => await forwarded(vault.host.http({ baseUrl: vaultAddress }), request),
    config: async ({ origin, caPath }) => ({ addr: origin, ca_cert: caPath, token: rootToken, role: 'web' }),
  })
}

export async function openStepCa(): Promise<ServedCa> {
  const step = await fakeStepCa()
  const caPem = Buffer.from(await step.host.files.read(rootPath)).toString()
  return await open({
    type: 'StepCA',
    ordering: 'POST /1.0/sign',
    isSigning: ({ path }) => path === '/1.0/sign',
    signed: ([crt = '', ...others]) => ({ status: 201, json: { crt, certChain: [crt, ...others] } }),
    usual: async (request) => await forwarded(step.host.http({ baseUrl: stepAddress, tls: { caPem } }), request),
    async config({ origin, caPath, directory }) {
      const keyPath = join(directory, 'provisioner.json')
      await writeFile(keyPath, step.material.jwe, { mode: 0o600 })
      const provisioner = { provisioner_name: 'adm', provisioner_key_path: keyPath, provisioner_password: password }
      return { ca_url: origin, root_cert_path: caPath, ...provisioner }
    },
  })
}

export async function openEjbca(): Promise<ServedCa> {
  const token = 'a-static-bearer-token'
  const ca = await createTestCa()
  const ejbca = fakeEjbca({ ca, adminPem: '' }, { auth: 'oauth2', tokens: () => [token] })
  const base64 = (pem: string) => Buffer.from(parseCertificate(pem).der).toString('base64')
  return await open({
    type: 'EJBCA',
    ordering: 'POST /ejbca/ejbca-rest-api/v1/certificate/pkcs10enroll',
    isSigning: ({ path }) => path.endsWith('/pkcs10enroll'),
    signed: ([leaf = '', ...others]) => ({
      status: 201,
      json: { certificate: base64(leaf), certificate_chain: others.map(base64), response_format: 'DER' },
    }),
    usual: async (request) => await ejbca.answer({ ...request, body: request.text() }),
    config: async ({ origin, caPath }) => ({
      ...{ api_url: origin, server_ca_path: caPath, auth_mode: 'oauth2', token, ca_name: caName },
    }),
  })
}

type Client = ReturnType<Awaited<ReturnType<typeof fakeVault>>['host']['http']>

/** To a fake that lives behind a host in memory. */
async function forwarded(client: Client, { method, path, query, headers, body }: SeenRequest): Promise<HttpAnswer> {
  const answer = await client.request({ method, path, query: Object.fromEntries(query), headers, body })
  return { status: answer.status, headers: answer.headers, body: answer.body }
}
