import { secret, url, z } from '@certctl/core'

export const configSchema = z.strictObject({
  url: url().describe("Address of the CA's API, up to and with its version."),
  token: secret().describe('Bearer token of an account that may order and revoke.'),
})

export type Config = z.output<typeof configSchema>
