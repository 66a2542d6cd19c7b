import { z } from '@certctl/core'
import { flagSettings, secretSettings, settingsSchema } from './config.js'

/** What `--help` prints: made from the schema, so that it cannot go stale. */
export function helpText(version: string): string {
  return `certctl-agent ${version}: makes keys on this host, deploys certificates to its servers, and proves that they are served.

  certctl-agent join TOKEN   exchange a token from the control plane (certctl agents join-token) for a key of its own
  certctl-agent              run; needs no token any more, its key is in the state directory

A token may also come as CERTCTL_JOIN_TOKEN or in a file; then the first start joins and runs at once.

Settings are environment variables; a flag wins over its variable.
${Object.keys(settingsSchema.shape).map(settingText).join('\n')}

Other flags:
  --print-policy-example   a policy file to start from, for CERTCTL_AGENT_POLICY_FILE
  --version                the version
  --help                   this text

Exit: 0 after a stop or when the server has retired this agent, 2 for wrong settings, 1 and others for failures.`
}

function settingText(name: string): string {
  const schema: z.ZodType = settingsSchema.shape[name as keyof typeof settingsSchema.shape]
  const flag = Object.entries(flagSettings).find(([, setting]) => setting === name)?.[0]
  const forms = [name, ...(isSecretSetting(name) ? [`${name}_FILE`] : []), ...(flag === undefined ? [] : [`--${flag}`])]
  const { default: preset } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  const ending = preset === undefined ? '' : ` Default: ${String(preset)}.`
  return `  ${forms.join(', ')}\n      ${schema.description ?? ''}${ending}`
}

function isSecretSetting(name: string): boolean {
  return secretSettings.some((secret) => secret === name)
}
