import { operations, type Profile } from '@certctl/api'
import { formatDuration } from '@certctl/core'
import { parseBody } from '../parse-body.js'
import { durationOption, listOption, textOption, wrong, yesNoOption } from './plain-nouns/field-option.js'
import type { PlainNoun } from './plain-nouns/noun.js'
import { plainVerbs } from './plain-nouns/verbs.js'

const noun: PlainNoun<Profile> = {
  plural: 'profiles',
  singular: 'profile',
  aSingular: 'a profile',
  example: {
    id: 'prof-web',
    create: '--id prof-web --key ECDSA:256 --max-ttl 90d --eku serverAuth',
    change: '--requires-approval yes',
  },
  columns: [
    { title: 'ID', value: ({ id }) => id },
    { title: 'NAME', value: ({ name }) => name },
    {
      title: 'KEYS',
      value: keysOf,
    },
    {
      title: 'LONGEST',
      value: ({ max_ttl_seconds }) => (max_ttl_seconds === undefined ? undefined : formatDuration(max_ttl_seconds)),
    },
    { title: 'APPROVAL', value: ({ requires_approval }) => (requires_approval ? 'required' : undefined) },
    { title: 'ENABLED', value: ({ enabled }) => enabled },
  ],
  options: [
    textOption('--description <text>', { field: 'description', says: 'What it is for' }),
    listOption('--key <algorithm[:bits]>...', {
      field: 'allowed_key_algorithms',
      says: 'Key that is allowed, from this size on: RSA:3072, ECDSA:256, Ed25519',
      each: keyOf,
    }),
    durationOption('--min-ttl <duration>', { field: 'min_ttl_seconds', says: 'Shortest validity, such as 1h' }),
    durationOption('--max-ttl <duration>', { field: 'max_ttl_seconds', says: 'Longest validity, such as 90d' }),
    listOption('--eku <name>...', {
      field: 'allowed_ekus',
      says: 'Extended key usage that is allowed, such as serverAuth',
    }),
    listOption('--key-usage <name>...', {
      field: 'allowed_key_usages',
      says: 'Key usage that is allowed, such as digitalSignature',
    }),
    {
      ...textOption('--san-pattern <pattern>...', {
        field: 'required_san_patterns',
        says: 'Names must match one of these, such as .*\\.example\\.com',
      }),
      read: (typed) => typed,
    },
    textOption('--spiffe-pattern <pattern>', { field: 'spiffe_uri_pattern', says: 'What a SPIFFE ID must match' }),
    yesNoOption('--wildcards <yes|no>', { field: 'allow_wildcards', says: 'Whether wildcards are allowed' }),
    yesNoOption('--ip-addresses <yes|no>', { field: 'allow_ip_addresses', says: 'Whether IP addresses are allowed' }),
    yesNoOption('--email-addresses <yes|no>', {
      field: 'allow_email_addresses',
      says: 'Whether e-mail addresses are allowed',
    }),
    listOption('--issuer <id>...', {
      field: 'allowed_issuer_ids',
      says: 'Issuer that may be used; any where none is named',
    }),
    listOption('--custody <who>...', {
      field: 'allowed_key_custody',
      says: 'Who may hold the key: agent, outside or server',
    }),
    yesNoOption('--key-reuse <yes|no>', {
      field: 'allow_key_reuse',
      says: 'Whether a stored CSR, and so its key, may be used again',
    }),
    yesNoOption('--short-lived <yes|no>', {
      field: 'allow_short_lived',
      says: 'Whether lifetimes below an hour are allowed',
    }),
    yesNoOption('--must-staple <yes|no>', { field: 'must_staple', says: 'Whether certificates demand OCSP stapling' }),
    listOption('--csr-attribute <oid>...', {
      field: 'required_csr_attributes',
      says: 'Attribute that a CSR from outside must have',
    }),
    textOption('--acme-auth-mode <mode>', { field: 'acme_auth_mode', says: 'trust_authenticated or challenge' }),
    yesNoOption('--requires-approval <yes|no>', {
      field: 'requires_approval',
      says: 'Whether a second person has to agree to each issuance',
    }),
    yesNoOption('--enabled <yes|no>', { field: 'enabled', says: 'Whether anything may be issued under it' }),
  ],
  words: (profile) => ({ allowed_key_algorithms: keysOf(profile) }),
  list: (client, query) => client.listProfiles({ query }),
  get: (client, id) => client.getProfile({ params: { id } }),
  create: (client, given) => client.createProfile({ body: parseBody(operations.createProfile, given) }),
  update: (client, id, given) =>
    client.updateProfile({ params: { id }, body: parseBody(operations.updateProfile, given) }),
  remove: (client, id) => client.deleteProfile({ params: { id } }),
}

export const profileVerbs = plainVerbs(noun)

function keysOf({ allowed_key_algorithms }: Profile): string {
  return allowed_key_algorithms.map(({ algorithm, min_size }) => `${algorithm}:${min_size}`).join(', ')
}

function keyOf(text: string): unknown {
  const [algorithm, bits] = text.split(':')
  if (bits === undefined) return { algorithm }
  if (/^\d{1,6}$/.test(bits)) return { algorithm, min_size: Number(bits) }
  throw wrong('--key', `takes ALGORITHM:BITS such as RSA:3072, not ${JSON.stringify(text)}`)
}
