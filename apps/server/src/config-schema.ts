import { homedir, hostname as machineName } from 'node:os'
import { join } from 'node:path'
import { duration, hostname, port, readPath, secret, url, z } from '@certctl/core'
import { isBearer, namedKeysFault, secretKeysFault } from './access/key-lists.js'

const flag = () =>
  z
    .string()
    .toLowerCase()
    .refine((text) => ['true', '1', 'yes', 'false', '0', 'no'].includes(text), 'must be true or false')
    .transform((text) => ['true', '1', 'yes'].includes(text))

const whole = (least: number, most: number) =>
  z
    .string()
    .trim()
    .regex(/^\d{1,12}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be between ${least} and ${most}`)

const list = () =>
  z.string().transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  )

const unitBytes: Readonly<Record<string, number>> = { '': 1, b: 1, kib: 1024, kb: 1000, mib: 1024 ** 2, mb: 1e6 }

const size = () =>
  z.string().transform((text, context) => {
    const [, amount, unit = ''] = /^(\d{1,9})\s*([a-z]*)$/i.exec(text.trim()) ?? []
    const factor = unitBytes[unit.toLowerCase()]
    if (amount !== undefined && factor !== undefined) return Number(amount) * factor
    context.addIssue({ code: 'custom', message: 'must be a size such as 1048576 or 1MiB' })
    return z.NEVER
  })

const keygenMode = z
  .string()
  .refine(
    (mode) => mode !== 'server',
    'must be "agent": keys for deployment are made on the host that uses them and never leave it. The server makes keys only where a profile asks for server-side key generation',
  )
  .refine((mode) => mode === 'agent' || mode === 'server', 'must be "agent"')

const portOrFree = () =>
  z
    .string()
    .trim()
    .regex(/^\d{1,5}$/, 'must be a port number')
    .transform(Number)
    .pipe(port().or(z.literal(0)))

/** Anything else the driver takes for the name of a database on this very machine. */
function isDatabaseUrl(text: string): boolean {
  return URL.canParse(text) && /^(postgres|postgresql|socket):$/.test(new URL(text).protocol)
}

/** Of keys: what does not parse is named by its place, never by its text. */
const keyList = (faultOf: (text: string) => string | undefined) =>
  secret().superRefine((value, context) => {
    const message = faultOf(value.reveal())
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

const authType = z
  .string()
  .refine(
    (type) => type !== 'none',
    'must be "api-key": this server answers nobody who proves nothing. A first start writes an administrator key to admin.key in the state directory',
  )
  .refine((type) => type === 'api-key' || type === 'none', 'must be "api-key"')

/** Every setting of the server, by the name after `CERTCTL_`, in lower case. The only description of them: types, defaults, `config explain` and the documentation come from here. */
export const settingsSchema = z.object({
  server_host: hostname().prefault('127.0.0.1').describe('Address to listen on; 0.0.0.0 for all.'),
  server_port: portOrFree().prefault('8443').describe('Port of the main listener; 0 takes a free one.'),
  server_tls_cert_path: readPath()
    .optional()
    .describe('Certificate (and chain) of the listener, PEM. Absent: the server issues its own.'),
  server_tls_key_path: readPath().optional().describe('Private key of the listener, PEM.'),
  server_tls_min_version: z
    .enum(['1.2', '1.3'], 'must be 1.2 or 1.3')
    .prefault('1.3')
    .describe('Oldest TLS version that is spoken.'),
  public_url: url()
    .optional()
    .describe('Address outsiders use; in join tokens, in the listener certificate, in links.'),
  state_dir: readPath()
    .optional()
    .describe(
      'Where the server keeps what is its own. Default: /var/lib/certctl for root, else ~/.local/state/certctl.',
    ),
  database_url: secret()
    .refine(
      (value) => isDatabaseUrl(value.reveal()),
      'must be a URL such as postgres://user:password@host:5432/database; without one, leave it unset',
    )
    .optional()
    .describe('A PostgreSQL 15 or newer. Absent: the server runs its own, in the state directory.'),
  database_max_conns: whole(2, 500).prefault('25').describe('Most connections this copy holds.'),
  config_encryption_key: secret()
    .refine(
      (value) => Buffer.byteLength(value.reveal()) >= 32,
      'must have at least 32 bytes; make one with: openssl rand -base64 48',
    )
    .optional()
    .describe('Seals secrets at rest. Needed with CERTCTL_DATABASE_URL, the same for all copies.'),
  config_encryption_key_previous: secret()
    .refine((value) => Buffer.byteLength(value.reveal()) >= 32, 'must have at least 32 bytes')
    .optional()
    .describe('The key before, while it is replaced: opens what is not sealed with the new one yet.'),
  auth_type: authType.prefault('api-key').describe('How programs prove who they are; api-key is the only way.'),
  api_keys_named: keyList(namedKeysFault)
    .optional()
    .describe('API keys kept in the environment: name:key or name:key:admin, comma between. Others are operators.'),
  auth_secret: keyList(secretKeysFault)
    .optional()
    .describe('Operator keys without names, comma between. Not read where API_KEYS_NAMED names any.'),
  agent_bootstrap_token: secret()
    .refine((value) => isBearer(value.reveal()), 'must be 1 to 512 letters, digits and . _ ~ + / = -')
    .optional()
    .describe('Whoever has it may register agents and nothing else. Absent: only API keys may.'),
  legacy_agent_keys: flag()
    .prefault('false')
    .describe('Any operator key acts as any agent, as the old server had it. Give agents keys of their own instead.'),
  connectors_dir: readPath().optional().describe('An npm project with connectors of your own.'),
  connectors_allow: list()
    .optional()
    .describe('Packages that may be loaded as connectors, comma between; absent: all that are installed.'),
  scripts_dir: readPath()
    .optional()
    .describe('Where scripts lie that issuers and DNS providers may be given over the API. Absent: none may be.'),
  challenge_host: hostname()
    .optional()
    .describe('Address where http-01 and tls-alpn-01 challenges are answered while an order needs it. Absent: all.'),
  log_level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .prefault('info')
    .describe('Least severity that is logged.'),
  log_format: z.enum(['json']).prefault('json').describe('Only JSON, one object per line.'),
  max_body_size: size().prefault('1MiB').describe('Largest request body.'),
  trusted_proxies: list().prefault('').describe('Addresses or networks whose X-Forwarded-For is believed.'),
  cors_origins: list().prefault('').describe('Origins browsers may call from; * for all.'),
  rate_limit_enabled: flag().prefault('true').describe('Whether requests are limited at all.'),
  rate_limit_rps: whole(1, 1_000_000)
    .prefault('50')
    .describe('Requests a second per principal, and per address without one.'),
  rate_limit_burst: whole(1, 1_000_000).prefault('100').describe('Requests at once before the rate counts.'),
  rate_limit_per_user_rps: whole(0, 1_000_000)
    .prefault('0')
    .describe('Rate of a principal where it differs; 0: RATE_LIMIT_RPS.'),
  rate_limit_per_user_burst: whole(0, 1_000_000)
    .prefault('0')
    .describe('Burst of a principal where it differs; 0: RATE_LIMIT_BURST.'),
  cert_export_rate_limit_per_actor_hr: whole(0, 1_000_000)
    .prefault('50')
    .describe('Exports of certificates an hour per principal and copy of the server; 0: no limit.'),
  audit_checkpoint_file: readPath()
    .optional()
    .describe('Signed checkpoints are appended here, to be carried off this machine.'),
  audit_checkpoint_interval: duration().prefault('1m').describe('How often all heads of the record are signed.'),
  audit_chain_verify_interval: duration().prefault('6h').describe('How often the whole record is verified.'),
  keygen_mode: keygenMode.prefault('agent').describe('Where keys are made: on the agent, always.'),
  shutdown_timeout: duration().prefault('30s').describe('What requests and jobs get to finish when the server stops.'),
  scheduler_renewal_check_interval: duration().prefault('1m').describe('How often due renewals are looked for.'),
  scheduler_job_processor_interval: duration()
    .prefault('5s')
    .describe('How often jobs are looked for when nothing wakes the workers.'),
  scheduler_agent_health_check_interval: duration().prefault('2m').describe('How often silent agents are looked for.'),
  scheduler_notification_process_interval: duration()
    .prefault('15s')
    .describe('How often undelivered notifications are looked for when nothing wakes them.'),
  scheduler_retry_interval: duration()
    .prefault('1m')
    .describe('How often placements, orders and holders are reconciled.'),
  notification_retry_interval: duration()
    .prefault('1m')
    .describe('Shortest pause before a failed notification is sent again.'),
  job_lease: duration()
    .refine((seconds) => seconds >= 2 && seconds <= 3600, 'must be between 2s and 1h')
    .prefault('30s')
    .describe('How long a job of a copy that died stays out of reach of the others.'),
  job_timeout_interval: duration().prefault('10s').describe('How often expired leases are looked for.'),
  job_awaiting_csr_timeout: duration()
    .prefault('24h')
    .describe('How long an agent may take to send a CSR before people are told.'),
  job_awaiting_approval_timeout: duration()
    .refine((seconds) => seconds >= 60, 'must be at least 1m')
    .prefault('168h')
    .describe('How long a request waits for a second person before it ends.'),
  approval_bypass: flag()
    .prefault('false')
    .describe('Lets everything that needs a second person pass without one, loudly; for development only.'),
  renewal_info_interval: duration()
    .refine((seconds) => seconds >= 60 && seconds <= 86_400, 'must be between 1m and 1d')
    .prefault('6h')
    .describe('How often a CA is asked when it wants a renewal (RFC 9773), where it does not say when to ask again.'),
  renewal_spread: duration()
    .refine((seconds) => seconds <= 86_400, 'must be at most 1d')
    .prefault('10m')
    .describe(
      'Over how long renewals are spread whose window has passed, as after a mass revocation; at most a tenth of what is left of each.',
    ),
  renewal_concurrency: whole(1, 1000)
    .prefault('25')
    .describe(
      'Orders under way at one issuer at once, by one copy of the server; bulk operations likewise. All together have a quarter more, so that an issuer that does not answer leaves room for the others.',
    ),
  verify_deployment: flag()
    .prefault('true')
    .describe(
      'Whether handshakes must show what was deployed, where a target does not say (post_deploy_verify.enabled).',
    ),
  verify_delay: duration()
    .prefault('2s')
    .describe('Pause between a deployment and the first look at it from outside the deployment.'),
  verify_timeout: duration()
    .refine((seconds) => seconds > 0, 'must be more than 0s')
    .prefault('10s')
    .describe('How long one handshake may take, where a target does not say (post_deploy_verify.timeout).'),
  verify_interval: duration()
    .refine((seconds) => seconds >= 60, 'must be at least 1m')
    .prefault('1h')
    .describe('How often agents are asked what each of their targets holds and serves.'),
  health_check_enabled: flag().prefault('false').describe('Whether the server shakes hands with endpoints itself.'),
  health_check_auto_create: flag()
    .prefault('true')
    .describe('Whether every endpoint that a target names gets a health check.'),
  health_check_interval: duration()
    .refine((seconds) => seconds >= 1, 'must be at least 1s')
    .prefault('60s')
    .describe('How often health checks that are due are looked for.'),
  health_check_default_interval: whole(10, 86_400)
    .prefault('300')
    .describe('Seconds between two looks at an endpoint, where its check does not say.'),
  health_check_default_timeout: whole(100, 60_000)
    .prefault('5000')
    .describe('Milliseconds one look may take, where its check does not say.'),
  health_check_max_concurrent: whole(1, 1000).prefault('20').describe('Looks at endpoints at once.'),
  health_check_history_retention: duration().prefault('30d').describe('How long what was seen at endpoints is kept.'),
  health_check_addresses: z
    .enum(['public', 'private', 'any'], 'must be public, private or any')
    .prefault('private')
    .describe(
      'Where health checks and the doctor may lead: public addresses; internal networks too (private); or also this machine and its links (any).',
    ),
  event_retention: duration()
    .prefault('90d')
    .describe('How long events, what was told of them, and spent join tokens are kept.'),
  discovery_retention: duration()
    .prefault('90d')
    .describe('How long scans are kept, and places where no scan finds anything any more.'),
  search_path: z.string().prefault('').describe('PATH, where a PostgreSQL is looked for if none is packaged.'),
})

export type Settings = z.output<typeof settingsSchema>
export type SettingName = keyof Settings

export function defaultStateDir(environment: Readonly<Record<string, string | undefined>>): string {
  if (process.getuid?.() === 0) return '/var/lib/certctl'
  return join(environment.XDG_STATE_HOME ?? join(environment.HOME ?? homedir(), '.local', 'state'), 'certctl')
}

export function defaultPublicUrl({ server_host, server_port }: Pick<Settings, 'server_host' | 'server_port'>): string {
  const local = ['127.0.0.1', '::1', 'localhost'].includes(server_host)
  const everywhere = ['0.0.0.0', '::'].includes(server_host)
  const name = local ? 'localhost' : everywhere ? machineName() : server_host
  return `https://${name.includes(':') ? `[${name}]` : name}:${server_port}`
}
