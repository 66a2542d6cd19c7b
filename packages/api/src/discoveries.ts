import { z } from 'zod'
import { sha256Schema, textSchema, timeSchema } from './scalars.js'

const foundCertificateSchema = z.strictObject({
  fingerprint_sha256: sha256Schema,
  common_name: z.string().max(1024),
  sans: z.array(z.string().max(2048)).max(1000).nullish(),
  serial_number: z.string().max(64),
  issuer_dn: textSchema,
  subject_dn: textSchema,
  not_before: timeSchema,
  not_after: timeSchema,
  key_algorithm: z.string().max(64),
  key_size: z.int().nonnegative(),
  is_ca: z.boolean(),
  pem_data: z.string().max(1_048_576).optional(),
  source_path: textSchema,
  source_format: z.enum(['PEM', 'DER']),
})

/** One scan of an agent. Older agents send it whole; ours in batches, and only `complete` ends it. */
export const discoveryReportSchema = z
  .strictObject({
    agent_id: z.string().max(64).optional(),
    directories: z.array(textSchema).max(1000).nullish(),
    certificates: z.array(foundCertificateSchema).max(5000).nullish(),
    errors: z.array(textSchema).max(5000).nullish(),
    scan_duration_ms: z.number().nonnegative().optional(),
    scan_id: z.string().min(1).max(64).optional(),
    batch: z.int().nonnegative().optional(),
    complete: z.boolean().optional(),
  })
  .meta({ id: 'DiscoveryReport' })
export type DiscoveryReport = z.output<typeof discoveryReportSchema>

export const discoveryScanSchema = z
  .object({
    id: z.string(),
    agent_id: z.string(),
    directories: z.array(z.string()),
    certificates_found: z.number(),
    certificates_new: z.number(),
    errors_count: z.number(),
    scan_duration_ms: z.number(),
    started_at: timeSchema,
    completed_at: timeSchema.optional(),
  })
  .meta({ id: 'DiscoveryScan' })
