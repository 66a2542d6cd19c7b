import { readPath, secret, url, z } from '@certctl/core'

const name = (what: string) =>
  z.string().trim().min(1, 'must not be empty').max(250, 'must not be longer than 250 characters').describe(what)
const httpsUrl = url().refine((value) => value.startsWith('https:'), 'must be an https URL')

const fields = z.strictObject({
  api_url: httpsUrl.describe(
    'Address of EJBCA, as https://host:8443; the path /ejbca/ejbca-rest-api is added where it is missing.',
  ),
  auth_mode: z
    .enum(['mtls', 'oauth2'])
    .prefault('mtls')
    .describe('How we prove who we are: a client certificate, or a bearer token.'),
  client_cert_path: readPath()
    .optional()
    .describe('PEM file with our client certificate and its chain; read anew when it changes.'),
  client_key_path: readPath().optional().describe('PEM file with the private key of the client certificate.'),
  token: secret()
    .optional()
    .describe('Bearer token that somebody else made. It ends some day; token_url and a client get new ones instead.'),
  token_url: httpsUrl.optional().describe('Token endpoint of the OAuth provider that EJBCA trusts.'),
  client_id: name('Our client at the OAuth provider.').optional().describe('Our client at the OAuth provider.'),
  client_secret: secret().optional().describe('Secret of our client at the OAuth provider.'),
  scope: name('Scope').optional().describe('Scope to ask of the OAuth provider.'),
  ca_name: name('Name of the CA in EJBCA that issues.'),
  cert_profile: name('Certificate profile in EJBCA.').prefault('SERVER').describe('Certificate profile in EJBCA.'),
  ee_profile: name('End entity profile in EJBCA.').prefault('EMPTY').describe('End entity profile in EJBCA.'),
  server_ca_path: readPath()
    .optional()
    .describe('PEM file with the CA of EJBCA’s own TLS certificate, where the system does not trust it.'),
  username_template: name('Name of the end entity.')
    .refine((value) => /\{(?:certificate_id|order_id|common_name)\}/.test(value), {
      message:
        'must contain {certificate_id}, {common_name} or {order_id}, else all certificates are of one end entity',
    })
    .prefault('{certificate_id}')
    .describe(
      'Name of the end entity: {certificate_id}, {common_name} and {order_id} are filled in. EJBCA wants one name for one subject.',
    ),
})

export const configSchema = fields.superRefine((config, context) => {
  const fault = faultOf(config)
  if (fault !== undefined) context.addIssue({ code: 'custom', path: [fault.field], message: fault.message })
})

export type Config = z.output<typeof configSchema>

function faultOf(config: z.output<typeof fields>): { field: string; message: string } | undefined {
  const { client_cert_path, client_key_path, token, token_url, client_id, client_secret } = config
  if ((client_cert_path === undefined) !== (client_key_path === undefined))
    return { field: 'client_key_path', message: 'goes together with client_cert_path: give both, or neither' }
  if (config.auth_mode === 'mtls')
    return client_cert_path === undefined
      ? { field: 'client_cert_path', message: 'is needed with auth_mode mtls, and client_key_path as well' }
      : undefined
  const client = [token_url, client_id, client_secret].filter((part) => part !== undefined)
  if (token !== undefined)
    return client.length > 0
      ? { field: 'token', message: 'excludes token_url, client_id and client_secret' }
      : undefined
  if (client.length === 3) return undefined
  return { field: 'token', message: 'is needed with auth_mode oauth2; or token_url, client_id and client_secret' }
}
