import { readPath, z } from '@certctl/core'
import { keyAlgorithms } from '@certctl/pki'

export const configSchema = z
  .strictObject({
    ca_common_name: z
      .string()
      .trim()
      .min(1, 'must not be empty')
      .max(64, 'must not be longer than 64 characters')
      .prefault('CertCtl Local CA')
      .describe('Common name of the CA that is made on first use. One that exists keeps its name.'),
    key_algorithm: z
      .enum(keyAlgorithms)
      .prefault('EC-P256')
      .describe(
        'Key of the CA that is made on first use. P-256 signs 45 times as fast as P-384; RSA is for old readers.',
      ),
    validity_days: z
      .int()
      .min(1, 'must be at least 1')
      .max(3650, 'must not be more than 3650')
      .prefault(90)
      .describe('Longest life of a certificate in days; profiles and the end of the CA may shorten it.'),
    ca_cert_path: readPath()
      .optional()
      .describe('Sub-CA: PEM file with the CA certificate, then those above it. Without it the CA signs itself.'),
    ca_key_path: readPath()
      .optional()
      .describe('Sub-CA: PEM file with the private key of the CA, unencrypted: PKCS #8, PKCS #1 or SEC 1.'),
  })
  .refine((config) => (config.ca_cert_path === undefined) === (config.ca_key_path === undefined), {
    message: 'ca_cert_path and ca_key_path go together: give both, or neither',
    path: ['ca_key_path'],
  })

export type Config = z.output<typeof configSchema>
