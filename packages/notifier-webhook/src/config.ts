import { secret, z } from '@certctl/core'

const isUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

export const configSchema = z
  .strictObject({
    url: secret()
      .refine((value) => isUrl(value.reveal()), 'must be an https URL')
      .refine(
        (value) => !isUrl(value.reveal()) || new URL(value.reveal()).username === '',
        'must not carry a user name',
      )
      .describe('Where messages are posted to. Whoever knows it may post there, so it is kept like a password.'),
    secret: secret()
      .optional()
      .describe('Key of the signature in X-Certctl-Signature; without it messages are not signed.'),
    second_secret: secret()
      .optional()
      .describe('A second key to sign with while receivers change over to it: both signatures are sent.'),
    allow_private_addresses: z
      .boolean()
      .prefault(false)
      .describe('Allows loopback, link-local and private addresses, and plain http, for receivers in the own network.'),
    ca_pem: z
      .string()
      .max(262_144)
      .refine((text) => text.includes('-----BEGIN CERTIFICATE-----'), 'must be certificates in PEM')
      .optional()
      .describe("Certificates that vouch for the receiver, in PEM, in place of the system's."),
  })
  .refine(({ url, allow_private_addresses }) => allow_private_addresses || !/^http:/i.test(url.reveal()), {
    path: ['url'],
    message: 'must be https, or allow_private_addresses must be set',
  })
  .refine(({ secret, second_secret }) => second_secret === undefined || secret !== undefined, {
    path: ['second_secret'],
    message: 'needs a first secret',
  })

export type Config = z.output<typeof configSchema>
