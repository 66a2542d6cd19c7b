import { commandLine, defineTarget, fileFields, filePath, z } from '@certctl/core'
import { type FileChange, leafFingerprint, pemParts, replaceFiles, requirePair, runOrThrow } from '@certctl/kit'

export const configSchema = z.strictObject({
  cert_path: filePath().describe('File for the certificate and its chain, leaf first.'),
  key_path: filePath().describe('File for the private key.'),
  validate_command: commandLine().prefault('example check').describe('Asked before every reload.'),
  reload_command: commandLine().prefault('example reload').describe('Makes the server read the files again.'),
  ...fileFields(),
})

type Config = z.output<typeof configSchema>

/** Writes two PEM files and makes a server read them. */
export default defineTarget({
  type: 'Example',
  displayName: 'Example',
  configSchema,
  capabilities: { platforms: ['linux'], verifies: 'file', undo: 'full', holds: 'one' },
  proposedCommands: [
    ['example', 'check'],
    ['example', 'reload'],
  ],
  lockKey: (config) => config.cert_path,

  create(config, host) {
    const reload = config.reload_command.join(' ')
    return {
      async deploy({ certificatePem, chainPem, privateKeyPem, fingerprint, signal }) {
        requirePair(certificatePem, privateKeyPem)
        const { fullChain } = pemParts(certificatePem, chainPem)
        const files = [certificateFile(config, fullChain), keyFile(config, privateKeyPem.reveal())]
        const { changed, confirmed } = await replaceFiles(host.files, files, {
          signal,
          validate: (signal) => runOrThrow(host, config.validate_command, signal),
          activate: (signal) => host.shared(reload, () => runOrThrow(host, config.reload_command, signal)),
          confirm: () => host.confirmServed({ fingerprint, signal }),
        })
        return { changed, served: confirmed, location: config.cert_path, effective: 'now' }
      },

      async verify({ fingerprint }) {
        const found = await leafFingerprint(host.files, config.cert_path)
        return { matches: found === fingerprint, location: config.cert_path, foundFingerprint: found }
      },
    }
  },
})

function certificateFile({ cert_path, owner, group }: Config, content: string): FileChange {
  return { path: cert_path, content, mode: 0o644, owner, group }
}

function keyFile({ key_path, key_mode, owner, group }: Config, content: string): FileChange {
  return { path: key_path, content, mode: key_mode, owner, group, secret: true }
}
