import type { Kysely, Selectable } from 'kysely'
import { nounTable } from './noun-table.js'
import type { ProfilesTable, Schema } from './schema.js'

const columns = [
  'description',
  'allowed_key_algorithms',
  'min_ttl_seconds',
  'max_ttl_seconds',
  'allowed_ekus',
  'allowed_key_usages',
  'required_san_patterns',
  'spiffe_uri_pattern',
  'allow_wildcards',
  'allow_ip_addresses',
  'allow_email_addresses',
  'allowed_issuer_ids',
  'allowed_key_custody',
  'allow_key_reuse',
  'allow_short_lived',
  'must_staple',
  'required_csr_attributes',
  'acme_auth_mode',
  'requires_approval',
  'enabled',
] as const

export type ProfileRow = Selectable<ProfilesTable>

export function profilesTable(db: Kysely<Schema>) {
  return nounTable(db, 'profiles', columns)
}
