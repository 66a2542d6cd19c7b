import { duration, scriptPath, z } from '@certctl/core'

export const configSchema = z.strictObject({
  present_script: scriptPath().describe(
    'Program that adds the value CERTCTL_DNS_VALUE to the TXT record CERTCTL_DNS_FQDN.',
  ),
  cleanup_script: scriptPath()
    .optional()
    .describe('Program that removes that value again. Without one, values of dns-01 stay, with a warning.'),
  timeout: duration()
    .refine((seconds) => seconds >= 1 && seconds <= 600, 'must be between 1s and 10m')
    .prefault('60s')
    .describe('How long a program may take; then it is ended with all that it has started.'),
})

export type Config = z.output<typeof configSchema>
