import { secret, url, z } from '@certctl/core'
import { keyOf } from './service-account-key.js'

const theirEndpoint = 'https://dns.googleapis.com'

export const configSchema = z
  .strictObject({
    credentials: secret()
      .refine(
        (value) => keyOf(value) !== undefined,
        'must be the JSON of a service account key, as Google gives it out',
      )
      .optional()
      .describe(
        'Key of a service account, the whole JSON; without it the service account of the machine or pod is used.',
      ),
    project: z
      .string()
      .regex(/^[a-z0-9:.-]{1,100}$/, 'must be the identifier of a project')
      .optional()
      .describe('Project that the zones are in; without it that of the key or of the machine.'),
    managed_zone: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'must be the name of a managed zone, not its DNS name')
      .optional()
      .describe('Resource name of the one zone to write to; without it the deepest public zone that holds the name.'),
    endpoint: url()
      .prefault(theirEndpoint)
      .describe('Origin of the Cloud DNS API; for private access. Another one than Google’s needs credentials.'),
    metadata_endpoint: url()
      .prefault('http://metadata.google.internal')
      .describe('Address of the metadata server, which gives tokens to the service account of the machine or pod.'),
  })
  // A machine's token is good for everything it may do: whoever configures a connection must not have it sent elsewhere.
  .refine(({ credentials, endpoint }) => credentials !== undefined || isGoogles(endpoint), {
    path: ['endpoint'],
    message: 'must be below googleapis.com where the service account of the machine is used',
  })

export type Config = z.output<typeof configSchema>

function isGoogles(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint)
  return protocol === 'https:' && hostname.endsWith('.googleapis.com')
}
