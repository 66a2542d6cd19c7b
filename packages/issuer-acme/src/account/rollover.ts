import { CertctlError } from '@certctl/core'
import type { Acme } from '../acme.js'
import { createSigner, type Signer } from '../transport/signer.js'
import { makeAccountKey } from './key.js'
import { type StoredAccount, saveAccount } from './record.js'

/** Replaces the account key (RFC 8555 §7.3.5), or goes on where a former attempt ended. The new one is stored before the CA hears of it, so that a death in between leaves no account without its key. */
export async function rollOver(acme: Acme, stored: StoredAccount, signal: AbortSignal): Promise<StoredAccount> {
  const begun = await begin(acme, stored)
  const settled = await settleRollover(acme, begun, signal)
  const { next_private_key_pem: next, url } = settled.record
  if (next === undefined || url === undefined) return settled
  await change(acme, { record: { ...settled.record, url }, next, signal })
  return await adopt(acme, settled, next)
}

async function begin({ host }: Acme, stored: StoredAccount): Promise<StoredAccount> {
  if (stored.record.next_private_key_pem !== undefined) return stored
  return await saveAccount(host.state, stored, { ...stored.record, next_private_key_pem: await makeAccountKey() })
}

/** After a key change whose answer was lost: takes the new key where the CA knows it; else the old one is still the account's. */
export async function settleRollover(acme: Acme, stored: StoredAccount, signal: AbortSignal): Promise<StoredAccount> {
  const { next_private_key_pem: next, url } = stored.record
  if (next === undefined || url === undefined) return stored
  return (await isKnown(acme, { privateKeyPem: next, url, signal })) ? await adopt(acme, stored, next) : stored
}

async function adopt({ host }: Acme, stored: StoredAccount, next: string): Promise<StoredAccount> {
  const { next_private_key_pem: _, ...record } = stored.record
  host.log.info('the ACME account has a new key', { account: record.url })
  const changes = { private_key_pem: next, key_made_at: host.now().toISOString() }
  return await saveAccount(host.state, stored, { ...record, ...changes })
}

async function isKnown(
  acme: Acme,
  { privateKeyPem, url, signal }: { privateKeyPem: string; url: string; signal: AbortSignal },
): Promise<boolean> {
  const { newAccount } = await acme.transport.directory(signal)
  const signer = await signerOf(acme, { privateKeyPem, signal })
  const answer = await signer.ask(newAccount, { onlyReturnExisting: true })
  return answer.problem === undefined && answer.headers.location === url
}

interface Change {
  record: { url: string; private_key_pem: string }
  next: string
  signal: AbortSignal
}

async function change(acme: Acme, { record, next, signal }: Change): Promise<void> {
  const { keyChange } = await acme.transport.directory(signal)
  if (keyChange === undefined)
    throw new CertctlError('unsupported', 'The ACME server offers no key change; unset account_key_rollover_days')
  const former = await signerOf(acme, { privateKeyPem: record.private_key_pem, accountUrl: record.url, signal })
  const inner = await signerOf(acme, { privateKeyPem: next, signal })
  await former.post(
    keyChange,
    inner.sign(keyChange, { account: record.url, oldKey: { ...former.jwk } }),
    'a key change',
  )
}

async function signerOf(
  { transport, config }: Acme,
  options: { privateKeyPem: string; accountUrl?: string; signal: AbortSignal },
): Promise<Signer> {
  return await createSigner({ ...options, transport, directoryUrl: config.directory_url })
}
