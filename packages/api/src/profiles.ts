import { z } from 'zod'
import { crudOperations } from './crud-operations.js'
import {
  bounded,
  changedNounShape,
  listOf,
  newNounShape,
  nounQuery,
  nounReadOnly,
  nounShape,
  nullish,
  oneOf,
} from './plain-noun.js'
import { idSchema, textSchema } from './scalars.js'

/** Sizes in bits, the smallest first: what an entry without `min_size` means. */
const keySizes = { RSA: [2048, 16_384], ECDSA: [256, 521], Ed25519: [0, 256] } as const
const keyAlgorithms = ['RSA', 'ECDSA', 'Ed25519'] as const

const allowedKeyAlgorithm = z
  .strictObject({ algorithm: oneOf(keyAlgorithms), min_size: bounded(0, 16_384).optional() })
  .transform(({ algorithm, min_size }, context) => {
    const [least, most] = keySizes[algorithm]
    const size = min_size ?? least
    if (size < least || size > most)
      context.addIssue({
        code: 'custom',
        path: ['min_size'],
        message: `must be between ${least} and ${most} for ${algorithm}`,
      })
    return { algorithm, min_size: size }
  })

/** Names of extended key usages that a leaf can have; any other is given by its object identifier. */
const purposes = [
  'serverAuth',
  'clientAuth',
  'codeSigning',
  'emailProtection',
  'timeStamping',
  'OCSPSigning',
  'ipsecEndSystem',
  'ipsecTunnel',
  'ipsecUser',
  'ipsecIKE',
  'documentSigning',
  'smartcardLogon',
  'kdc',
]
const oidPattern = /^[0-2](\.(0|[1-9]\d{0,38})){1,30}$/
const purpose = z.string().refine((value) => purposes.includes(value) || oidPattern.test(value), {
  message: `must be one of ${purposes.join(', ')}, or an object identifier such as 1.3.6.1.5.5.7.3.1`,
})

/** Those of RFC 5280 §4.2.1.3 that a leaf can have. */
const keyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'encipherOnly',
  'decipherOnly',
] as const

export const profileSchema = z
  .object({
    ...nounShape,
    description: z.string(),
    allowed_key_algorithms: z.array(z.object({ algorithm: z.enum(keyAlgorithms), min_size: z.number() })),
    min_ttl_seconds: z.number().optional(),
    max_ttl_seconds: z.number().optional(),
    allowed_ekus: z.array(z.string()),
    allowed_key_usages: z.array(z.string()),
    required_san_patterns: z.array(z.string()),
    spiffe_uri_pattern: z.string(),
    allow_wildcards: z.boolean(),
    allow_ip_addresses: z.boolean(),
    allow_email_addresses: z.boolean(),
    allowed_issuer_ids: z.array(z.string()),
    allowed_key_custody: z.array(z.string()),
    allow_key_reuse: z.boolean(),
    allow_short_lived: z.boolean(),
    must_staple: z.boolean(),
    required_csr_attributes: z.array(z.string()),
    acme_auth_mode: z.string(),
    requires_approval: z.boolean(),
    enabled: z.boolean(),
  })
  .meta({ id: 'Profile' })
export type Profile = z.output<typeof profileSchema>

const longestSeconds = 2_147_483_647
const pattern = z.string().max(256, 'must not be longer than 256 characters')
/** Old clients send 0 where they mean none. */
const lifetime = bounded(0, longestSeconds).transform((seconds) => (seconds === 0 ? null : seconds))

const fields = nullish({
  description: textSchema,
  allowed_key_algorithms: listOf(allowedKeyAlgorithm, 20).describe('Keys that are allowed; empty: any sound one.'),
  min_ttl_seconds: lifetime.describe('Shortest validity that may be asked for; 0: no bound.'),
  max_ttl_seconds: lifetime.describe('Longest validity; 0: no bound.'),
  allowed_ekus: listOf(purpose, 50).describe('Extended key usages that may be asked for.'),
  allowed_key_usages: listOf(oneOf(keyUsages), 9).describe('Key usages that may be asked for; empty: any a leaf has.'),
  required_san_patterns: listOf(pattern.min(1, 'must not be empty'), 50).describe(
    'Each host name, address and mailbox (one with @) must match one of these as a whole: . [a-z] \\d ( | ) * + ? {1,3}; or *.example.com for one label.',
  ),
  spiffe_uri_pattern: pattern.describe(
    'What each URI must match as a whole, in the same expressions; empty: anything.',
  ),
  allow_wildcards: z.boolean(),
  allow_ip_addresses: z.boolean(),
  allow_email_addresses: z.boolean(),
  allowed_issuer_ids: listOf(idSchema, 500).describe('Issuers that may be used; empty: any.'),
  allowed_key_custody: listOf(oneOf(['agent', 'outside', 'server']), 3)
    .refine((kinds) => kinds.length > 0, 'must name at least one of agent, outside, server')
    .describe('Who may hold the key: an agent, whoever sends a CSR, the server.'),
  allow_key_reuse: z.boolean().describe('Whether a stored CSR, and so its key, may be used for a renewal.'),
  allow_short_lived: z.boolean(),
  must_staple: z.boolean(),
  required_csr_attributes: listOf(
    z.string().regex(oidPattern, 'must be an object identifier such as 1.2.840.113549.1.9.7'),
    50,
  ).describe('Attributes a CSR from outside must have.'),
  acme_auth_mode: oneOf(['', 'trust_authenticated', 'challenge']),
  requires_approval: z.boolean().describe('Whether a second person has to agree to each issuance.'),
  enabled: z.boolean().describe('Nothing is issued under one that is not enabled.'),
})

export const profileOperations = crudOperations(
  {
    singular: 'Profile',
    plural: 'Profiles',
    path: '/api/v1/profiles',
    summary: 'What certificates may be asked for',
    read: 'policies.read',
    write: 'policies.write',
    readOnly: nounReadOnly,
  },
  {
    item: profileSchema,
    query: nounQuery,
    create: z.strictObject({ ...newNounShape, ...fields }),
    update: z.strictObject({ ...changedNounShape, ...fields }),
  },
)
