import { duration, readPath, secret, url, z } from '@certctl/core'

const longestPath = 512

/** Where an engine is mounted: parts of a path, without the slashes around it that people write. */
const mountPath = z
  .string()
  .transform((text) => text.trim().replace(/^\/+|\/+$/g, ''))
  .refine((path) => path.length <= longestPath, `must not be longer than ${longestPath} characters`)
  .refine((path) => path.split('/').every(isPart), 'must be a mount path such as pki or team/pki')

function isPart(part: string): boolean {
  return /^[A-Za-z0-9_~.-]+$/.test(part) && !/^\.+$/.test(part)
}

export const configSchema = z
  .strictObject({
    addr: url().describe('Address of Vault or OpenBao, such as https://vault.example.com:8200.'),
    token: secret()
      .optional()
      .describe('Token that may update MOUNT/sign/ROLE and MOUNT/revoke. Give this, or an AppRole with role_id.'),
    role_id: z
      .string()
      .min(1, 'must not be empty')
      .max(4096, 'must not be longer than 4,096 characters')
      .optional()
      .describe('AppRole: the role_id to log in with. Tokens are then fetched and replaced without anybody.'),
    secret_id: secret()
      .optional()
      .describe('AppRole: the secret_id. Leave it out for roles that bind addresses instead (bind_secret_id=false).'),
    approle_mount: mountPath.prefault('approle').describe('AppRole: where the auth method is enabled.'),
    mount: mountPath.prefault('pki').describe('Where the PKI secrets engine is mounted.'),
    role: z
      .string()
      .regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/, 'must be the name of a role of the PKI engine')
      .describe('Role of the PKI engine that decides what may be signed.'),
    ttl: duration()
      .refine((seconds) => seconds >= 60, 'must be at least 1m')
      .prefault('8760h')
      .describe('Life of a certificate. The profile, the role, the mount and the CA may each shorten it.'),
    namespace: mountPath
      .optional()
      .describe('Namespace of the mount (Vault Enterprise, HCP, OpenBao), such as team or org/team.'),
    ca_cert: readPath()
      .optional()
      .describe('PEM file with the CA that signed the server certificate of Vault. Default: what the system trusts.'),
  })
  .refine(({ token, role_id }) => (token === undefined) !== (role_id === undefined), {
    message: 'give either token, or role_id (with secret_id) of an AppRole',
    path: ['token'],
  })
  .refine(({ role_id, secret_id }) => secret_id === undefined || role_id !== undefined, {
    message: 'goes together with role_id',
    path: ['secret_id'],
  })

export type Config = z.output<typeof configSchema>
