import { CertctlError, type Host, type RunOptions, type Secret } from '@certctl/core'

export interface RunOrThrowOptions extends Omit<RunOptions, 'signal'> {
  signal: AbortSignal
  /** Values that the command may echo. */
  secrets?: readonly Secret[] | undefined
}

const keptBytes = 4096

/** Runs a command that must succeed. Rejects `deploy_failed` with the last 4 KiB of its output, in which private keys and the given secrets are masked, when it exits
 * with anything but 0 or does not end in time. */
export async function runOrThrow(
  host: Pick<Host, 'run'>,
  argv: readonly string[],
  options: AbortSignal | RunOrThrowOptions,
): Promise<void> {
  const { secrets = [], ...run } = 'aborted' in options ? { signal: options } : options
  const { exitCode, stdout, stderr, timedOut } = await host.run(argv, run)
  if (exitCode === 0 && !timedOut) return
  const what = timedOut ? 'did not end in time and was stopped' : `ended with exit code ${exitCode}`
  const said = Buffer.from(maskSecrets(`${stdout}\n${stderr}`, secrets).trim())
  const output = said.subarray(-keptBytes).toString('utf8')
  const command = maskSecrets(argv.join(' '), secrets)
  throw new CertctlError('deploy_failed', `"${command}" ${what}${output === '' ? '' : `: ${output}`}`)
}

/** The text without private keys in PEM (also where the text begins or ends inside one) and without these secrets. */
export function maskSecrets(text: string, secrets: readonly Secret[] = []): string {
  const keyless = text
    .replace(/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, '[private key]')
    .replace(/^[\s\S]*-----END [A-Z0-9 ]*PRIVATE KEY-----/, '[private key]')
  return secrets
    .map((secret) => secret.reveal())
    .filter((value) => value !== '')
    .reduce((masked, value) => masked.replaceAll(value, '[secret]'), keyless)
}
