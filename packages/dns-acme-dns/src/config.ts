import { secret, url, z } from '@certctl/core'
import { givenAccounts } from './account.js'

const cidr = z.union([z.cidrv4(), z.cidrv6()], 'must be networks such as 192.0.2.0/24 or 2001:db8::/32')

export const configSchema = z.strictObject({
  server_url: url().describe(
    'Address of the acme-dns API. With http the passwords of the registrations travel in clear.',
  ),
  accounts: secret()
    .refine((value) => givenAccounts(value) !== undefined, {
      message:
        'must be JSON of domains and their registrations: {"example.com":{"username":"…","password":"…","fulldomain":"…","subdomain":"…"}}',
    })
    .optional()
    .describe('Registrations that exist, as JSON by domain: the accounts file that other clients of acme-dns keep.'),
  register: z
    .boolean()
    .prefault(true)
    .describe('Registers domains that have no registration yet, and says which CNAME record to create.'),
  allow_from: z
    .array(cidr)
    .max(50)
    .prefault([])
    .describe('Networks that may update the registrations made here; none: from everywhere.'),
  check_cname: z
    .boolean()
    .prefault(true)
    .describe(
      'Publishes nothing until the CNAME record leads to the registration; switch off where names look different from here.',
    ),
  ca_pem: z
    .string()
    .max(262_144)
    .refine((text) => text.includes('-----BEGIN CERTIFICATE-----'), 'must be certificates in PEM')
    .optional()
    .describe("Certificates that vouch for the API, in PEM, in place of the system's."),
})

export type Config = z.output<typeof configSchema>
