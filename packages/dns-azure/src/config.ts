import { hostname, readPath, secret, url, z } from '@certctl/core'

const uuid = z
  .string()
  .regex(
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
    'must be an identifier such as 00000000-0000-0000-0000-000000000000',
  )

/** Addresses of the clouds that Microsoft and its partners run. */
const clouds = {
  public: { endpoint: 'https://management.azure.com', login: 'https://login.microsoftonline.com' },
  usgovernment: { endpoint: 'https://management.usgovcloudapi.net', login: 'https://login.microsoftonline.us' },
  china: { endpoint: 'https://management.chinacloudapi.cn', login: 'https://login.partner.microsoftonline.cn' },
} as const

export const configSchema = z
  .strictObject({
    subscription_id: uuid.describe('Subscription that the zones are in.'),
    resource_group: z
      .string()
      .regex(/^[\p{L}\p{N}_.()-]{1,89}[\p{L}\p{N}_()-]$/u, 'must be the name of a resource group')
      .optional()
      .describe('Resource group that the zones are in; without it every zone of the subscription is looked at.'),
    zone: hostname()
      .optional()
      .describe('The one zone to write to; without it the deepest zone that is seen and that holds the name.'),
    tenant_id: z
      .string()
      .regex(/^[A-Za-z0-9.-]{1,253}$/, 'must be the identifier or a domain of the tenant')
      .optional()
      .describe('Tenant of the application; for a client secret or a federated token.'),
    client_id: uuid
      .optional()
      .describe('Application, or user-assigned managed identity; without it the machine’s own managed identity.'),
    client_secret: secret().optional().describe('Secret of the application.'),
    federated_token_file: readPath()
      .optional()
      .describe(
        'File with the token of a workload identity, as AZURE_FEDERATED_TOKEN_FILE names it; read anew each time.',
      ),
    cloud: z.enum(['public', 'usgovernment', 'china']).prefault('public').describe('Which Azure cloud.'),
    endpoint: url().optional().describe('Address of Azure Resource Manager where it is not that of the cloud.'),
    login_endpoint: url()
      .optional()
      .describe(
        'Address that gives out tokens where it is not that of the cloud; not together with a federated token.',
      ),
    identity_endpoint: url()
      .prefault('http://169.254.169.254')
      .describe('Address of the instance metadata service, which gives tokens to managed identities.'),
  })
  .refine(
    ({ client_secret, federated_token_file }) => client_secret === undefined || federated_token_file === undefined,
    {
      path: ['federated_token_file'],
      message: 'is another way to prove who asks than client_secret: set one of them',
    },
  )
  .refine(
    ({ client_secret, federated_token_file, tenant_id, client_id }) =>
      (client_secret === undefined && federated_token_file === undefined) ||
      (tenant_id !== undefined && client_id !== undefined),
    { path: ['client_id'], message: 'goes with tenant_id, and both with client_secret or federated_token_file' },
  )
  // Whoever may configure a connection must not be able to have a file of this machine sent to a place of his own.
  .refine(
    ({ federated_token_file, login_endpoint }) => federated_token_file === undefined || login_endpoint === undefined,
    {
      path: ['login_endpoint'],
      message: 'must be that of the cloud where a federated token is used',
    },
  )
  .transform(({ endpoint, login_endpoint, ...config }) => ({
    ...config,
    endpoint: (endpoint ?? clouds[config.cloud].endpoint).replace(/\/$/, ''),
    loginEndpoint: login_endpoint ?? clouds[config.cloud].login,
  }))

export type Config = z.output<typeof configSchema>
