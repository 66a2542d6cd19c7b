import { readPath, scriptPath, z } from '@certctl/core'

export const configSchema = z.strictObject({
  sign_script: scriptPath().describe(
    'Program that signs: it reads a CSR in PEM on standard input and prints the certificate in PEM, its chain after it.',
  ),
  revoke_script: scriptPath()
    .optional()
    .describe('Program that revokes; its arguments are the serial number in hex and the reason of RFC 5280.'),
  crl_script: scriptPath().optional().describe('Program that prints the current CRL, DER or PEM, less than 1 MiB.'),
  ca_cert_path: readPath()
    .optional()
    .describe(
      'PEM file with the certificate of the CA, then those above it: completes chains, proves CRLs, and is given to clients to trust.',
    ),
  timeout_seconds: z
    .int()
    .min(1, 'must be at least 1')
    .max(110, 'must not be more than 110: nobody waits longer for an answer')
    .prefault(30)
    .describe('Seconds after which a script and all it started are stopped.'),
})

export type Config = z.output<typeof configSchema>
