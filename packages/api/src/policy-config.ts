import { z } from 'zod'
import { bounded, listOf } from './plain-noun.js'
import { idSchema } from './scalars.js'

const word = z.string().trim().min(1, 'must not be empty').max(128, 'must not be longer than 128 characters')
const label = '[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'
const domain = z
  .string()
  .trim()
  .max(253, 'must not be longer than 253 characters')
  .regex(new RegExp(`^(\\*\\.)?${label}(\\.${label})*$`), 'must be a name such as www.example.com or *.example.com')

/** Each list has something in it: an empty one would allow nothing. */
function some<S extends z.ZodType>(item: S, most = 500) {
  return listOf(item, most).refine((items) => items.length > 0, 'must not be empty')
}

/** What a rule of each type is told. */
export const policyConfigSchemas = {
  AllowedIssuers: z.strictObject({ allowed_issuer_ids: some(idSchema) }),
  AllowedProfiles: z.strictObject({ allowed_profile_ids: some(idSchema) }),
  AllowedDomains: z.strictObject({
    allowed_domains: some(domain).describe('Exact, or *.example.com for one label in front.'),
  }),
  RequiredMetadata: z.strictObject({ required_keys: some(word).describe('Tags a certificate must have.') }),
  AllowedEnvironments: z.strictObject({ allowed: some(word) }),
  RenewalLeadTime: z.strictObject({ lead_time_days: bounded(1, 365).prefault(30) }),
  CertificateLifetime: z.strictObject({ max_days: bounded(1, 36_500) }),
} as const
export type PolicyType = keyof typeof policyConfigSchemas
export type PolicyConfig<T extends PolicyType> = z.output<(typeof policyConfigSchemas)[T]>

export const policyTypes = Object.keys(policyConfigSchemas) as [PolicyType, ...PolicyType[]]
