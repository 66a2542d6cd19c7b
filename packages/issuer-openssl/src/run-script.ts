import { CertctlError, type CommandResult, type Host, messageOf, type RunOptions, scriptFault } from '@certctl/core'
import { maskSecrets } from '@certctl/kit'

export interface ScriptCall {
  path: string
  args?: readonly string[] | undefined
  stdin?: string | undefined
  environment: Readonly<Record<string, string | undefined>>
  /** Files in the script's working directory, by the variable that tells it their paths. */
  files?: Readonly<Record<string, string>> | undefined
  outputEncoding?: RunOptions['outputEncoding']
  timeLimitSeconds: number
  signal: AbortSignal
}

/** What a command's output is cut to: more than that was not all kept. */
const largestOutputBytes = 1024 * 1024

/** Runs a script in a fresh working directory, without a shell; resolves to what it printed. Rejects `config_invalid` (it must not or cannot be run), `upstream_rejected`
 * (it said no), `upstream_unavailable` (it took too long, or exit code 75: try again later), `upstream_protocol` (it printed too much) or `aborted`. */
export async function runScript(host: Host, call: ScriptCall): Promise<string> {
  const program = await requireScript(host, call.path)
  const result = await inOwnDirectory(host, call.signal, async (directory) => {
    const paths = await writeFiles(host, directory, call.files ?? {})
    return await host.run([program, ...(call.args ?? [])], {
      // A script that reads nothing meets the end of its input at once.
      stdin: call.stdin ?? '',
      environment: environmentOf({ ...call.environment, ...paths, TMPDIR: directory }),
      cwd: directory,
      timeLimitSeconds: call.timeLimitSeconds,
      outputEncoding: call.outputEncoding,
      endGroup: true,
      signal: call.signal,
    })
  })
  requireSuccess(result, call)
  if (Buffer.byteLength(result.stdout, call.outputEncoding) < largestOutputBytes) return result.stdout
  throw new CertctlError('upstream_protocol', `${call.path} printed 1 MiB or more, which is not what was asked for`)
}

/** Resolves to the program behind all links. Throws `config_invalid` for one that others may change. */
export async function requireScript(host: Host, path: string): Promise<string> {
  const file = await host.files.stat(path)
  const folder = file && (await host.files.stat(file.realPath.replace(/\/[^/]*$/, '') || '/'))
  const fault = scriptFault(file, folder, process.getuid?.() ?? 0)
  if (fault !== undefined || file === undefined)
    throw new CertctlError('config_invalid', `The script ${path} is not run: it ${fault}`)
  return file.realPath
}

async function inOwnDirectory<T>(host: Host, signal: AbortSignal, act: (directory: string) => Promise<T>): Promise<T> {
  const made = await host.run(['mktemp', '-d'], { signal })
  const directory = made.stdout.trim()
  if (made.exitCode !== 0 || !directory.startsWith('/'))
    throw new CertctlError('upstream_unavailable', `No working directory could be made: ${lastLine(made.stderr)}`)
  try {
    return await act(directory)
  } finally {
    await removeDirectory(host, directory)
  }
}

/** The caller's signal may be what ended the script; clearing up has one of its own. */
async function removeDirectory(host: Host, directory: string): Promise<void> {
  try {
    const { exitCode, stderr } = await host.run(['rm', '-rf', '--', directory], { signal: AbortSignal.timeout(10_000) })
    if (exitCode !== 0) host.log.warn('a working directory stays behind', { directory, reason: lastLine(stderr) })
  } catch (error) {
    host.log.warn('a working directory stays behind', { directory, reason: messageOf(error) })
  }
}

async function writeFiles(host: Host, directory: string, files: Readonly<Record<string, string>>) {
  const paths: Record<string, string> = {}
  for (const [variable, content] of Object.entries(files)) {
    const path = `${directory}/${variable.toLowerCase()}`
    await host.files.replace(path, content, { mode: 0o600 })
    paths[variable] = path
  }
  return paths
}

/** What has no value is not set. No variable can hold a NUL. */
function environmentOf(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given = Object.entries(values).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, value.replaceAll('\0', '')]],
  )
  return Object.fromEntries(given)
}

/** EX_TEMPFAIL of sysexits.h. */
const tryLater = 75

function requireSuccess({ exitCode, stderr, timedOut }: CommandResult, { path, timeLimitSeconds }: ScriptCall): void {
  if (timedOut)
    throw new CertctlError('upstream_unavailable', `${path} did not end within ${timeLimitSeconds} s and was stopped`)
  if (exitCode === 0) return
  const said = lastLine(stderr)
  if (exitCode === 126 || exitCode === 127)
    throw new CertctlError('config_invalid', `${path} or a program it needs cannot be run: ${said}`)
  if (exitCode === tryLater) throw new CertctlError('upstream_unavailable', `${path} asks to try again later: ${said}`)
  throw new CertctlError('upstream_rejected', `${path} ended with exit code ${exitCode}: ${said}`)
}

const longestLine = 500

function lastLine(stderr: string): string {
  const lines = maskSecrets(stderr)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a script may print anything, a terminal must not obey it.
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, ' ')
    .split('\n')
    .map((line) => line.trim())
  return lines.findLast((line) => line !== '')?.slice(0, longestLine) ?? 'it said nothing on standard error'
}
