import { createHash } from 'node:crypto'
import { appendFileSync, readFileSync } from 'node:fs'
import { commandLine, defineTarget, filePath, readPath, secret, z } from '@certctl/core'
import { leafFingerprint, pemParts, replaceFiles, runOrThrow } from '@certctl/kit'

const configSchema = z.strictObject({
  cert_path: filePath().describe('File for the certificate and its chain.'),
  key_path: filePath().describe('File for the private key.'),
  command: commandLine().describe('Run after writing; gets the secrets on its standard input.'),
  mode_path: readPath().describe('File that says how to misbehave: fails, throws or nothing.'),
  told_path: readPath().describe('File to which hashes of the secrets are appended.'),
  literal: secret().describe('A secret.'),
  from_file: secret().describe('A secret.'),
  from_variable: secret().describe('A secret.'),
  accounts: z.array(z.strictObject({ name: z.string(), password: secret() })).describe('Secrets in a list.'),
})

/** A package of somebody who never thinks of what is secret: it tells its secrets and the key wherever it can speak. */
export default defineTarget({
  type: 'Careless',
  displayName: 'Careless',
  configSchema,
  capabilities: { platforms: ['linux'], verifies: 'file', undo: 'full', holds: 'one' },

  create(config, host) {
    const { literal, from_file, from_variable, accounts } = config
    const all = [literal, from_file, from_variable, ...accounts.map(({ password }) => password)]
    const secrets = all.map((one) => one.reveal())
    const location = `${config.cert_path}#${secrets[0]}`
    return {
      async deploy({ certificatePem, chainPem, privateKeyPem, fingerprint, signal }) {
        const key = privateKeyPem.reveal()
        const hashes = secrets.map((text) => createHash('sha256').update(text).digest('hex'))
        appendFileSync(config.told_path, `${JSON.stringify(hashes)}\n`)
        host.log.info(`deploying as ${secrets.join(' ')}`, { config, secrets, key, lines: key.split('\n') })
        await host.state.put('session', { secrets, key })
        if (readFileSync(config.mode_path, 'utf8') === 'throws') throw new TypeError(`${secrets.join(' ')} and ${key}`)
        const { changed, confirmed } = await replaceFiles(
          host.files,
          [
            { path: config.cert_path, content: pemParts(certificatePem, chainPem).fullChain, mode: 0o644 },
            { path: config.key_path, content: key, mode: 0o600, secret: true },
          ],
          {
            signal,
            activate: (signal) => runOrThrow(host, config.command, { signal, stdin: secrets.join('\n') }),
            confirm: () => host.confirmServed({ fingerprint, signal }),
          },
        )
        return { changed, served: confirmed, location, effective: 'now', metadata: { login: secrets.join(' '), key } }
      },

      async verify({ fingerprint }) {
        host.log.debug(`looking as ${secrets.join(' ')}`)
        const found = await leafFingerprint(host.files, config.cert_path)
        return { matches: found === fingerprint, location, foundFingerprint: found }
      },

      async test() {
        throw new Error(`nobody lets ${secrets.join(' ')} in`)
      },
    }
  },
})
