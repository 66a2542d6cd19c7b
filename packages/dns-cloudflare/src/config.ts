import { hostname, secret, url, z } from '@certctl/core'

export const configSchema = z
  .strictObject({
    api_token: secret().describe(
      'API token with Zone:Read and DNS:Edit on the zones. Of the account or of a user; global API keys are not taken, since they may do everything.',
    ),
    zone: hostname()
      .optional()
      .describe('The one zone to write to; without it the deepest zone that the token sees and that holds the name.'),
    zone_id: z
      .string()
      .regex(/^[0-9a-f]{32}$/, 'must be 32 hexadecimal digits, as the overview of the zone shows them')
      .optional()
      .describe('Identifier of the zone, for tokens without Zone:Read; goes with the name of the zone.'),
    endpoint: url()
      .prefault('https://api.cloudflare.com/client/v4')
      .describe('Address of the Cloudflare API, version 4.'),
  })
  .refine(({ zone, zone_id }) => zone_id === undefined || zone !== undefined, {
    path: ['zone_id'],
    message: 'goes with the name of the zone: set zone, too',
  })

export type Config = z.output<typeof configSchema>
