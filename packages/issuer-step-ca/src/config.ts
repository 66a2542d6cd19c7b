import { readPath, secret, url, z } from '@certctl/core'

export const configSchema = z.strictObject({
  ca_url: url()
    .refine((address) => address.startsWith('https:'), 'must begin with https:')
    .transform((address) => address.replace(/\/+$/, ''))
    .describe('Address of step-ca, such as https://ca.internal:9000. Its host must be among dnsNames of the CA.'),
  provisioner_name: z
    .string()
    .min(1, 'must not be empty')
    .max(256, 'must not be longer than 256 characters')
    .describe('Name of the JWK provisioner whose key signs our tokens.'),
  provisioner_key_path: readPath()
    .optional()
    .describe(
      'File with the private key of the provisioner: JWE as step writes it, plain JWK, or PEM. Without it the encrypted key that the CA hands out is used.',
    ),
  provisioner_password: secret().optional().describe('Password of the provisioner key, where it is encrypted.'),
  provisioner_kid: z
    .string()
    .min(1, 'must not be empty')
    .max(256, 'must not be longer than 256 characters')
    .optional()
    .describe('Key id of the provisioner, where the key file does not say it and it is not its thumbprint.'),
  root_cert_path: readPath()
    .optional()
    .describe(
      'PEM file with the root of step-ca. Without it and without root_fingerprint the roots of the system are trusted.',
    ),
  root_fingerprint: z
    .string()
    .transform((text) => text.replaceAll(':', '').trim().toLowerCase())
    .refine((text) => /^[0-9a-f]{64}$/.test(text), 'must be a SHA-256 fingerprint: 64 hex digits')
    .optional()
    .describe(
      'SHA-256 fingerprint of the root, as step-ca prints it at start. The root is then fetched once and must hash to it.',
    ),
  validity_days: z
    .int()
    .min(0, 'must not be negative')
    .max(3650, 'must not be more than 3650')
    .prefault(0)
    .describe(
      'Life of a certificate in days; 0 is the default of the provisioner (24 h unless changed there). Never above its maximum.',
    ),
})

export type Config = z.output<typeof configSchema>
