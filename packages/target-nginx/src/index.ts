import {
  CertctlError,
  commandLine,
  defineTarget,
  fileFields,
  filePath,
  isCertctlError,
  messageOf,
  type TargetHost,
  z,
} from '@certctl/core'
import {
  type FileChange,
  leafFingerprint,
  pairFits,
  pemParts,
  replaceFiles,
  requirePair,
  runOrThrow,
} from '@certctl/kit'

export const configSchema = z.strictObject({
  cert_path: filePath().describe('File for the certificate and its chain, leaf first: what ssl_certificate names.'),
  key_path: filePath().describe(
    'File for the private key, readable by its owner only: what ssl_certificate_key names.',
  ),
  chain_path: filePath().optional().describe('A second file with the chain alone, for ssl_trusted_certificate.'),
  validate_command: commandLine()
    .prefault('nginx -t')
    .describe('Asked before anything is written, and before every reload.'),
  reload_command: commandLine().prefault('systemctl reload nginx').describe('Makes NGINX read the files again.'),
  ...fileFields(),
})

type Config = z.output<typeof configSchema>

/** NGINX reads PEM files when it starts or reloads, so files may change first and take effect later. */
export default defineTarget({
  type: 'NGINX',
  displayName: 'NGINX',
  configSchema,
  capabilities: { platforms: ['linux', 'darwin'], verifies: 'file', undo: 'full', holds: 'one' },
  proposedCommands: [
    ['nginx', '-t'],
    ['nginx', '-s', 'reload'],
    ['systemctl', 'reload', 'nginx'],
  ],
  lockKey: (config) => config.cert_path,

  create(config, host) {
    const reload = config.reload_command.join(' ')
    return {
      async deploy({ certificatePem, chainPem, privateKeyPem, fingerprint, signal }) {
        requirePair(certificatePem, privateKeyPem)
        const files = [...certificateFiles(config, certificatePem, chainPem), keyFile(config, privateKeyPem.reveal())]
        const { changed, confirmed } = await replaceFiles(host.files, files, {
          signal,
          prepare: (signal) => requireSoundConfiguration(config, host, signal),
          validate: (signal) => validate(config, host, signal),
          activate: (signal) => host.shared(reload, () => runOrThrow(host, config.reload_command, signal)),
          confirm: () => host.confirmServed({ fingerprint, signal }),
        })
        host.log.info('certificate deployed', { path: config.cert_path, changed })
        return { changed, served: confirmed, location: config.cert_path, effective: 'now' }
      },

      async verify({ fingerprint }) {
        const found = await leafFingerprint(host.files, config.cert_path)
        const matches = found === fingerprint && (await holdsPair(config, host))
        return { matches, location: config.cert_path, foundFingerprint: found }
      },

      async test(signal) {
        await runOrThrow(host, config.validate_command, signal)
        return { detail: 'NGINX accepts its configuration' }
      },
    }
  },
})

/** NGINX has no directive for a chain: what it sends after the leaf must be in the same file. */
function certificateFiles(config: Config, certificatePem: string, chainPem: string): FileChange[] {
  const { fullChain, chain } = pemParts(certificatePem, chainPem)
  const { owner, group, cert_path, chain_path } = config
  const served: FileChange = { path: cert_path, content: fullChain, mode: 0o644, owner, group }
  return chain_path === undefined ? [served] : [served, { ...served, path: chain_path, content: chain }]
}

function keyFile({ key_path, key_mode, owner, group }: Config, key: string): FileChange {
  return { path: key_path, content: key, mode: key_mode, owner, group, secret: true }
}

/** A fault that was there before is not ours to undo. Where our own pair is missing or torn, it is the fault, and deploying is the cure. */
async function requireSoundConfiguration(config: Config, host: TargetHost, signal: AbortSignal): Promise<void> {
  if (!(await holdsPair(config, host))) return
  try {
    await validate(config, host, signal)
  } catch (cause) {
    if (!isRefusal(cause)) throw cause
    const text = `The configuration was broken before; repair it, then this deployment is tried again: ${messageOf(cause)}`
    throw new CertctlError('deploy_failed', text, { cause })
  }
}

/** The command tests every certificate there is, also one that another deployment is just between two renames of: looks again before it believes. */
async function validate({ validate_command }: Config, host: TargetHost, signal: AbortSignal): Promise<void> {
  const begunAt = host.now().getTime()
  for (let looks = 1; ; looks += 1) {
    try {
      return await runOrThrow(host, validate_command, signal)
    } catch (error) {
      const slow = host.now().getTime() - begunAt > 10_000
      if (looks === 3 || slow || !isRefusal(error)) throw error
      await host.delay(0.5, signal)
    }
  }
}

function isRefusal(error: unknown): boolean {
  return isCertctlError(error) && error.code === 'deploy_failed'
}

async function holdsPair({ cert_path, key_path }: Config, { files }: TargetHost): Promise<boolean> {
  if (!(await files.stat(cert_path)) || !(await files.stat(key_path))) return false
  const [certificate, key] = [await files.read(cert_path), await files.read(key_path)]
  return pairFits(Buffer.from(certificate).toString('latin1'), Buffer.from(key).toString('latin1'))
}
