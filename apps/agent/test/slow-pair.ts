import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageFolder } from '@certctl/core'

/** Installs a connector that writes the key, then waits for a file named `go` before it writes the certificate: time enough to die between the two. */
export async function installSlowPair(directory: string): Promise<void> {
  const folder = join(directory, 'node_modules', 'target-slow-pair')
  const scope = join(directory, 'node_modules', '@certctl')
  await mkdir(folder, { recursive: true })
  await mkdir(scope, { recursive: true })
  for (const name of ['core', 'kit'])
    await symlink(packageFolder(`@certctl/${name}`, import.meta.url) ?? '', join(scope, name))
  await writeFile(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'connectors', dependencies: { 'target-slow-pair': '1.0.0' } }),
  )
  const manifest = {
    name: 'target-slow-pair',
    version: '1.0.0',
    type: 'module',
    main: 'index.js',
    certctl: { kind: 'target', contract: 1 },
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await writeFile(join(folder, 'index.js'), source)
}

const source = `
import { defineTarget, filePath, readPath, z } from '@certctl/core'
import { leafFingerprint } from '@certctl/kit'

export default defineTarget({
  type: 'SlowPair',
  displayName: 'Slow pair',
  configSchema: z.strictObject({
    cert: filePath().describe('The certificate.'),
    key: filePath().describe('Its key.'),
    go: readPath().describe('Waited for between the two.'),
  }),
  capabilities: { platforms: ['linux', 'darwin', 'win32'], verifies: 'file', undo: 'full', holds: 'one' },
  create(config, host) {
    return {
      async deploy({ certificatePem, privateKeyPem, signal }) {
        await host.files.replace(config.key, privateKeyPem.reveal(), { mode: 0o600, secret: true })
        while ((await host.files.stat(config.go)) === undefined) await host.delay(0.02, signal)
        await host.files.replace(config.cert, certificatePem, { mode: 0o644 })
        return { changed: true, served: 'unverifiable', location: config.cert, effective: 'now' }
      },
      async verify({ fingerprint }) {
        const found = await leafFingerprint(host.files, config.cert)
        return { matches: found === fingerprint, location: config.cert, foundFingerprint: found }
      },
    }
  },
})
`
