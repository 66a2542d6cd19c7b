import { CertctlError, isCertctlError } from '@certctl/core'
import type { Acme } from '../acme.js'
import { locationOf } from '../transport/answer.js'
import { createSigner, type Signer } from '../transport/signer.js'
import { bindingOf } from './binding.js'
import { importKey, makeAccountKey, spkiSha256Of } from './key.js'
import {
  type AccountRecord,
  accountKey,
  findAccount,
  listAccounts,
  type StoredAccount,
  saveAccount,
  storedAccount,
} from './record.js'
import { settleRollover } from './rollover.js'

/** An account at the CA, ready to sign. */
export interface Account {
  url: string
  signer: Signer
  spkiSha256: string
  stored: StoredAccount
}

/** The configured account: made on first use, by whichever server copy comes first, and registered until the CA has said where it is. */
export async function openAccount(acme: Acme, signal: AbortSignal): Promise<Account> {
  const found = (await findAccount(acme)) ?? (await makeRecord(acme))
  const settled = found.record.next_private_key_pem === undefined ? found : await settleRollover(acme, found, signal)
  const registered = settled.record.url === undefined ? await register(acme, settled, signal) : settled
  return await accountOf(acme, registered, signal)
}

/** The account that placed an order: it alone may look at it, whatever the configuration says now. `undefined`: one of another CA, or none that is known here. */
export async function accountOfOrder(
  acme: Acme,
  { orderId, url }: { orderId: string; url: string | undefined },
  signal: AbortSignal,
): Promise<Account | undefined> {
  if (!URL.canParse(orderId) || new URL(orderId).origin !== new URL(acme.config.directory_url).origin) return undefined
  const found = (await listAccounts(acme)).find(({ record }) => record.url === url)
  if (found !== undefined) return await accountOf(acme, await settleRollover(acme, found, signal), signal)
  const configured = await openAccount(acme, signal)
  return url === undefined || configured.url === url ? configured : undefined
}

/** The account of a record that is registered. */
export async function accountOf(acme: Acme, stored: StoredAccount, signal: AbortSignal): Promise<Account> {
  const { url, private_key_pem } = stored.record
  if (url === undefined) throw new CertctlError('internal', `The ACME account ${stored.key} is not registered`)
  const signer = await signerFor(acme, stored.record, signal)
  return { url, stored, spkiSha256: spkiSha256Of(private_key_pem), signer }
}

async function signerFor(acme: Acme, { private_key_pem, url }: AccountRecord, signal: AbortSignal): Promise<Signer> {
  return await createSigner({
    transport: acme.transport,
    directoryUrl: acme.config.directory_url,
    privateKeyPem: private_key_pem,
    accountUrl: url,
    signal,
  })
}

/** The key is stored before the CA hears of it: a lost answer then finds the same account again. */
async function makeRecord(acme: Acme): Promise<StoredAccount> {
  const { config, host } = acme
  const imported = await importKey(acme)
  const key = accountKey(acme, imported)
  const record: AccountRecord = {
    directory_url: config.directory_url,
    private_key_pem: imported?.privateKeyPem ?? (await makeAccountKey()),
    key_made_at: host.now().toISOString(),
  }
  try {
    return storedAccount(await host.state.put(key, record, { expect: 'absent' }))
  } catch (error) {
    const theirs = isCertctlError(error) && error.code === 'conflict' ? await host.state.get(key) : undefined
    if (theirs === undefined) throw error
    return storedAccount(theirs)
  }
}

async function register(acme: Acme, stored: StoredAccount, signal: AbortSignal): Promise<StoredAccount> {
  const { config, transport, host } = acme
  const { newAccount, meta } = await transport.directory(signal)
  if (meta?.termsOfService !== undefined && !config.terms_agreed)
    throw new CertctlError(
      'config_invalid',
      `Read the terms of the CA at ${meta.termsOfService} and set terms_agreed to true`,
    )
  const found = await bindingOf(acme, stored.record, signal)
  const bound = found?.isFresh === true ? await keepBinding(acme, stored, found.binding) : stored
  const signer = await createSigner({
    transport,
    directoryUrl: config.directory_url,
    privateKeyPem: bound.record.private_key_pem,
    binding: found?.binding,
    signal,
  })
  const contact = config.email === undefined ? {} : { contact: [`mailto:${config.email}`] }
  const answer = await signer.post(newAccount, { termsOfServiceAgreed: config.terms_agreed, ...contact }, 'an account')
  const url = locationOf(answer, 'an account', config.directory_url)
  host.log.info('the ACME account is registered', { account: url, isNew: answer.status === 201 })
  return await saveOrTheirs(acme, bound, { ...bound.record, url, email: config.email })
}

async function keepBinding(
  acme: Acme,
  stored: StoredAccount,
  { kid, hmacKey }: { kid: string; hmacKey: string },
): Promise<StoredAccount> {
  return await saveOrTheirs(acme, stored, { ...stored.record, binding: { kid, hmac_key: hmacKey } })
}

/** Another copy that registers the same key at the same time gets the same account. */
async function saveOrTheirs({ host }: Acme, stored: StoredAccount, record: AccountRecord): Promise<StoredAccount> {
  try {
    return await saveAccount(host.state, stored, record)
  } catch (error) {
    const theirs = isCertctlError(error) && error.code === 'conflict' ? await host.state.get(stored.key) : undefined
    const account = theirs === undefined ? undefined : storedAccount(theirs)
    if (account === undefined || (record.url !== undefined && account.record.url === undefined)) throw error
    return account
  }
}

/** After the CA said that it does not know the account: the key stays, and is registered again with the next attempt. */
export async function forgetRegistration({ host }: Acme, { stored }: Account): Promise<void> {
  const { url: _, ...record } = stored.record
  await saveAccount(host.state, stored, record)
}
