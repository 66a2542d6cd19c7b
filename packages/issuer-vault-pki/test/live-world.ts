import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type IssuerConnector, type IssuerHost, type JsonValue, parseConfig, z } from '@certctl/core'
import { createNodeHost } from '@certctl/kit'
import { createMemoryState, createTestIssuerHost } from '@certctl/testing'
import vault from '../src/index.js'
import type { OpenBao } from './openbao-process.js'

export interface LogLine {
  message: string
  fields: Readonly<Record<string, unknown>>
}

/** A server's host: real network and clock, state in memory; and what was logged on it. */
export function liveHost(): IssuerHost & { warned: LogLine[] } {
  const warned: LogLine[] = []
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message: string, fields = {}) => void warned.push({ message, fields }),
  }
  const host = createNodeHost({ instance: { id: 'live' }, state: createMemoryState(() => new Date()), log })
  const { challenges, dns } = createTestIssuerHost()
  return { ...host, challenges, dns, warned }
}

/** The connector on a host of its own, unless one is given. */
export function connectorOn(config: Readonly<Record<string, unknown>>, host: IssuerHost = liveHost()): IssuerConnector {
  return vault.create(parseConfig(vault.configSchema, config, vault.type), host)
}

/** A root at `pki`, an intermediate at `int`, roles, policies, a namespace with a CA of its own, and an AppRole. */
export async function prepare(bao: OpenBao): Promise<{ role_id: string; secret_id: string }> {
  const year = '8760h'
  const tuned = { type: 'pki', config: { max_lease_ttl: '87600h' } }
  const open = {
    allow_any_name: true,
    enforce_hostnames: false,
    allowed_uri_sans: '*',
    key_type: 'any',
    require_cn: false,
  }
  await bao.api('POST', 'sys/mounts/pki', tuned)
  await bao.api('POST', 'sys/mounts/int', tuned)
  await bao.api('POST', 'sys/mounts/short', tuned)
  await bao.api('POST', 'pki/root/generate/internal', { common_name: 'Live Root', ttl: '87600h', key_type: 'ec' })
  await bao.api('POST', 'short/root/generate/internal', { common_name: 'Short Root', ttl: '2h', key_type: 'ec' })
  const asked = { common_name: 'Live Issuing', key_type: 'ec' }
  const { csr } = dataOf(await bao.api('POST', 'int/intermediate/generate/internal', asked))
  const signed = dataOf(await bao.api('POST', 'pki/root/sign-intermediate', { csr, ttl: year }))
  const chain = `${signed.certificate}\n${signed.issuing_ca}`
  await bao.api('POST', 'int/intermediate/set-signed', { certificate: chain })
  await bao.api('POST', 'int/roles/web', { ...open, max_ttl: '720h' })
  await bao.api('POST', 'int/roles/unstored', { ...open, no_store: true })
  await bao.api('POST', 'int/roles/fields', { ...open, use_csr_sans: false, use_csr_common_name: false })
  await bao.api('POST', 'int/roles/strict', { allowed_domains: 'example.org', allow_subdomains: true, key_type: 'any' })
  await bao.api('POST', 'short/roles/web', open)
  const update = (path: string): string => `path "${path}" { capabilities = ["update"] }\n`
  const policy = ['int/sign/web', 'int/revoke', 'short/sign/web'].map(update).join('')
  await bao.api('PUT', 'sys/policies/acl/certctl', { policy })
  await prepareNamespace(bao, open)
  await bao.api('POST', 'sys/auth/approle', { type: 'approle' })
  await bao.api('POST', 'auth/approle/role/certctl', {
    token_policies: 'certctl',
    token_ttl: '20m',
    token_max_ttl: '1h',
  })
  const role = dataOf(await bao.api('GET', 'auth/approle/role/certctl/role-id'))
  const secret = dataOf(await bao.api('POST', 'auth/approle/role/certctl/secret-id'))
  return { role_id: String(role.role_id), secret_id: String(secret.secret_id) }
}

/** The fields of an answer. */
export function dataOf(answer: unknown): { readonly [key: string]: JsonValue } {
  return z.object({ data: z.record(z.string(), z.json()) }).parse(answer).data
}

async function prepareNamespace(bao: OpenBao, role: Record<string, string | boolean>): Promise<void> {
  await bao.api('POST', 'sys/namespaces/team')
  await bao.api('POST', 'sys/mounts/pki', { type: 'pki' }, 'team')
  const root = { common_name: 'Team Root', ttl: '700h', key_type: 'ec' }
  await bao.api('POST', 'pki/root/generate/internal', root, 'team')
  await bao.api('POST', 'pki/roles/web', role, 'team')
}

/** A fresh token; by default under the policy `certctl`. */
export async function createToken(
  bao: OpenBao,
  wish: { ttl: string; policies?: string[]; renewable?: boolean },
): Promise<string> {
  const made = await bao.api('POST', 'auth/token/create', { policies: ['certctl'], ...wish })
  return z.object({ auth: z.object({ client_token: z.string() }) }).parse(made).auth.client_token
}

/** What the engine's OCSP says, asked for and judged by openssl. */
export async function ocspStatus(bao: OpenBao, mount: string, pems: { leaf: string; issuer: string }): Promise<string> {
  const at = (name: string): string => join(bao.directory, name)
  writeFileSync(at('leaf.pem'), pems.leaf)
  writeFileSync(at('issuer.pem'), pems.issuer)
  const who = ['-issuer', at('issuer.pem'), '-cert', at('leaf.pem')]
  execFileSync('openssl', ['ocsp', ...who, '-reqout', at('ocsp.req')], { stdio: 'pipe' })
  writeFileSync(at('ocsp.res'), await bao.bytes('POST', `${mount}/ocsp`, readFileSync(at('ocsp.req'))))
  const judge = ['ocsp', ...who, '-respin', at('ocsp.res'), '-CAfile', at('issuer.pem'), '-partial_chain', '-no_nonce']
  const said = execFileSync('openssl', judge, { stdio: 'pipe' }).toString()
  return /leaf\.pem: (\w+)/.exec(said)?.[1] ?? said
}

/** Serial numbers on the engine's CRL, as openssl prints them. */
export async function crlSerials(bao: OpenBao, mount: string): Promise<string> {
  const path = join(bao.directory, 'crl.der')
  writeFileSync(path, await bao.bytes('GET', `${mount}/crl`))
  const args = ['crl', '-inform', 'DER', '-in', path, '-noout', '-text']
  return execFileSync('openssl', args, { stdio: 'pipe' }).toString().toLowerCase()
}
