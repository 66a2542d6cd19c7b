import { createHash } from 'node:crypto'
import { type StateStore, type Stored, z } from '@certctl/core'
import type { Acme } from '../acme.js'
import { importKey, type ReadKey } from './key.js'

const recordSchema = z.object({
  directory_url: z.string(),
  private_key_pem: z.string(),
  /** When this key began. */
  key_made_at: z.string(),
  /** The account at the CA (`kid`); absent until it said where it is. */
  url: z.string().optional(),
  email: z.string().optional(),
  /** Credentials that ZeroSSL gave for this account: asked for once, since it gives only so many a day. */
  binding: z.object({ kid: z.string(), hmac_key: z.string() }).optional(),
  /** A key change that was begun: either key may be the account's now. */
  next_private_key_pem: z.string().optional(),
})
/** An account as it is kept, sealed. */
export type AccountRecord = z.output<typeof recordSchema>

export interface StoredAccount {
  key: string
  version: number
  record: AccountRecord
}

export function storedAccount({ key, version, value }: Stored): StoredAccount {
  return { key, version, record: recordSchema.parse(value) }
}

const prefix = 'account/'

/** One account for each directory and each way it came about: another EAB key id or another imported key is another account, and the former one stays for what it ordered. */
export function accountKey({ config }: Acme, imported: ReadKey | undefined): string {
  const origin = imported === undefined ? `binding ${config.eab_kid ?? ''}` : `key ${imported.spkiSha256}`
  const digest = createHash('sha256').update(`${config.directory_url}\n${origin}`).digest('hex')
  return `${prefix}${digest.slice(0, 32)}`
}

/** The account this configuration means, as far as it exists here. */
export async function findAccount(acme: Acme): Promise<StoredAccount | undefined> {
  const stored = await acme.host.state.get(accountKey(acme, await importKey(acme)))
  return stored === undefined ? undefined : storedAccount(stored)
}

export async function saveAccount(
  state: StateStore,
  { key, version }: Pick<StoredAccount, 'key' | 'version'>,
  record: AccountRecord,
): Promise<StoredAccount> {
  return storedAccount(await state.put(key, record, { expect: version }))
}

/** All accounts at this directory that were ever used here. */
export async function listAccounts({ config, host }: Acme): Promise<StoredAccount[]> {
  const found: StoredAccount[] = []
  for await (const stored of host.state.list(prefix)) found.push(storedAccount(stored))
  return found.filter(({ record }) => record.directory_url === config.directory_url && record.url !== undefined)
}
