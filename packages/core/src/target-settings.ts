import { z } from 'zod'
import { duration, hostname, port } from './fields.js'

export const endpointSchema = z.strictObject({
  host: hostname().describe('Name or address to connect to.'),
  port: port().prefault(443).describe('TCP port.'),
  serverName: hostname()
    .optional()
    .describe(
      'Name sent as SNI; default: the host, or the first DNS name of the certificate where the host is an address.',
    ),
  startTls: z
    .enum(['smtp', 'imap', 'pop3', 'ldap', 'postgres', 'ftp'])
    .optional()
    .describe('Protocol spoken before TLS begins.'),
})

const windowSchema = z.strictObject({
  cron: z.string().min(9).max(120).describe('When the window opens, as a cron expression of five fields.'),
  duration: duration().describe('How long it stays open.'),
  time_zone: z.string().max(64).prefault('UTC').describe('IANA time zone of the expression.'),
})

/** What every target understands besides its own fields. The agent and the lifecycle act on these; a connector never sees them. */
export const targetSettingsSchema = z.strictObject({
  endpoints: z
    .array(endpointSchema)
    .max(64)
    .optional()
    .describe('Where the certificate is served; each is shaken hands with after a deployment.'),
  post_deploy_verify: z
    .strictObject({
      enabled: z.boolean().prefault(true).describe('Whether a handshake must show the new certificate.'),
      endpoint: z
        .union([endpointSchema, z.string()])
        .optional()
        .describe('host:port to shake hands with, besides `endpoints`.'),
      timeout: duration().prefault('10s').describe('How long one look may take.'),
      attempts: z.int().min(1).max(100).prefault(20).describe('How many looks before the deployment counts as failed.'),
      backoff: duration().prefault('500ms').describe('Pause after the first look; grows up to five seconds.'),
    })
    .prefault({})
    .describe('Handshakes after a deployment.'),
  grace: duration()
    .prefault('0s')
    .describe('How long a service may keep serving the old certificate, for services that restart at night.'),
  windows: z
    .array(windowSchema)
    .max(32)
    .optional()
    .describe(
      'Maintenance windows; the control plane takes them beside the configuration, as `windows` of the target.',
    ),
})

export type TargetSettings = z.output<typeof targetSettingsSchema>

const settingNames = Object.keys(targetSettingsSchema.shape)

/** Parts a target's configuration as an operator wrote it into the settings every target has and the connector's own fields. */
export function splitTargetConfig(raw: Readonly<Record<string, unknown>>): {
  settings: Record<string, unknown>
  own: Record<string, unknown>
} {
  const entries = Object.entries(raw)
  const isSetting = ([name]: [string, unknown]) => settingNames.includes(name)
  return {
    settings: Object.fromEntries(entries.filter(isSetting)),
    own: Object.fromEntries(entries.filter((entry) => !isSetting(entry))),
  }
}
