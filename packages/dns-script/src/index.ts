import { posix } from 'node:path'
import { CertctlError, type CommandResult, defineDns, type Host, scriptFault, type TxtRecord } from '@certctl/core'
import { maskSecrets } from '@certctl/kit'
import { type Config, configSchema } from './config.js'
import { hookEnvironment, plainName } from './hook-environment.js'
import { createQueue } from './queue.js'

export { configSchema }

/** Adds and removes TXT records through programs of the operator, which are told what in their environment. */
export default defineDns({
  type: 'Script',
  displayName: 'DNS scripts',
  configSchema,
  environment: [
    {
      id: 'dns-script',
      name: 'DNS scripts',
      when: 'CERTCTL_DNS_PRESENT_SCRIPT',
      variables: {
        present_script: 'CERTCTL_DNS_PRESENT_SCRIPT',
        cleanup_script: 'CERTCTL_DNS_CLEANUP_SCRIPT',
        timeout: 'CERTCTL_DNS_SCRIPT_TIMEOUT',
      },
    },
  ],
  capabilities: {},

  create(config, host) {
    // A script that reads, changes and writes back would lose a value if two of one name ran at once.
    const inTurn = createQueue()
    return {
      present: (record) => inTurn(plainName(record.name), () => runHook(host, config, record, config.present_script)),

      async cleanUp(record) {
        const { cleanup_script } = config
        if (cleanup_script !== undefined)
          return await inTurn(plainName(record.name), () => runHook(host, config, record, cleanup_script))
        const fields = { name: plainName(record.name) }
        host.log.warn('a TXT value stays in the zone: this DNS provider has no cleanup_script', fields)
      },

      async test() {
        const { present_script, cleanup_script } = config
        await requireScript(host, present_script)
        if (cleanup_script === undefined)
          return { detail: `${present_script} may be run; there is no cleanup_script, so values of dns-01 stay` }
        await requireScript(host, cleanup_script)
        return { detail: `${present_script} and ${cleanup_script} may be run; nothing was run to find out` }
      },
    }
  },
})

async function runHook(host: Host, config: Config, record: TxtRecord, script: string): Promise<void> {
  if (record.signal.aborted) throw new CertctlError('aborted', `${script} was not run: interrupted before`)
  const environment = hookEnvironment(record)
  const program = await requireScript(host, script)
  const result = await host.run([program], {
    environment,
    timeLimitSeconds: config.timeout,
    signal: record.signal,
    endGroup: true,
  })
  requireSuccess(result, { script, record, config })
}

/** The file that is really run: what was looked at, not what a link points to a moment later. */
async function requireScript({ files }: Host, script: string): Promise<string> {
  const file = await files.stat(script)
  const folder = file === undefined ? undefined : await files.stat(posix.dirname(file.realPath))
  const fault = scriptFault(file, folder, process.getuid?.() ?? 0)
  if (file !== undefined && fault === undefined) return file.realPath
  throw new CertctlError('config_invalid', `The DNS script ${script} ${fault ?? 'does not exist'}`)
}

interface Run {
  script: string
  record: TxtRecord
  config: Config
}

const shownCharacters = 1024

/** An exit code does not say whether trying again helps, so it is tried again. */
function requireSuccess({ exitCode, timedOut, stdout, stderr }: CommandResult, { script, record, config }: Run): void {
  if (exitCode === 0 && !timedOut) return
  const why = timedOut ? `did not end within ${config.timeout} s and was stopped` : `ended with exit code ${exitCode}`
  const said = maskSecrets(stderr.trim() === '' ? stdout : stderr)
    .trim()
    .slice(-shownCharacters)
  const code = !timedOut && (exitCode === 126 || exitCode === 127) ? 'config_invalid' : 'upstream_unavailable'
  const output = said === '' ? '' : `: ${said}`
  throw new CertctlError(code, `The DNS script ${script} ${why} for ${plainName(record.name)}${output}`)
}
