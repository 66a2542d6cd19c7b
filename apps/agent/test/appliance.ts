import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { packageFolder } from '@certctl/core'

/** A box with an API and a password, of a kind no connector of ours knows: it holds several certificates by name, and forgets none by itself. */
export interface Appliance {
  url: string
  password: string
  held: Map<string, string>
  /** Every header and body it was sent. */
  seen: string[]
  close(): Promise<void>
}

export async function createAppliance(): Promise<Appliance> {
  const appliance = {
    url: '',
    password: 'canary-of-the-appliance',
    held: new Map<string, string>(),
    seen: [] as string[],
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      appliance.seen.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`)
      if (request.headers.authorization !== appliance.password) return void response.writeHead(401).end('{}')
      const name = request.url?.slice(1) ?? ''
      if (request.method === 'PUT') appliance.held.set(name, body)
      if (request.method === 'DELETE') appliance.held.delete(name)
      const answer = name === '' ? [...appliance.held.keys()] : { fingerprint: appliance.held.get(name) ?? null }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(appliance, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  })
}

/** A folder as `npm install --prefix DIR @stranger/target-appliance` leaves it, with a connector that its maker wrote for contract 1. */
export async function installStranger(directory: string): Promise<string> {
  const folder = join(directory, 'node_modules', '@stranger', 'target-appliance')
  const scope = join(directory, 'node_modules', '@certctl')
  await mkdir(folder, { recursive: true })
  await mkdir(scope, { recursive: true })
  await symlink(packageFolder('@certctl/core', import.meta.url) ?? '', join(scope, 'core'))
  await writeFile(
    join(directory, 'package.json'),
    JSON.stringify({
      name: 'connectors',
      dependencies: { '@stranger/target-appliance': '1.0.0', '@stranger/target-broken': '1.0.0' },
    }),
  )
  const manifest = {
    name: '@stranger/target-appliance',
    version: '1.2.3',
    type: 'module',
    main: 'index.js',
    certctl: { kind: 'target', contract: 1 },
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await writeFile(join(folder, 'index.js'), source)
  const broken = join(directory, 'node_modules', '@stranger', 'target-broken')
  await mkdir(broken)
  await writeFile(
    join(broken, 'package.json'),
    JSON.stringify({ ...manifest, name: '@stranger/target-broken', certctl: { kind: 'target', contract: 99 } }),
  )
  return directory
}

const source = `
import { CertctlError, defineTarget, secret, url, z } from '@certctl/core'

export default defineTarget({
  type: 'Appliance',
  aliases: ['box'],
  displayName: 'Appliance',
  configSchema: z.strictObject({
    address: url().describe('Where its API is.'),
    password: secret().describe('Its password.'),
  }),
  capabilities: { platforms: ['linux', 'darwin', 'win32'], verifies: 'api', undo: 'best-effort', holds: 'many' },
  lockKey: (config) => config.address,
  create(config, host) {
    const call = async (method, name, body, signal) => {
      const http = host.http({ baseUrl: config.address, headers: { authorization: config.password } })
      const answer = await http.request({ method, path: '/' + name, body, signal })
      if (answer.status === 401) throw new CertctlError('forbidden', 'The appliance refuses the password')
      return answer.json()
    }
    return {
      async deploy({ certificateId, fingerprint, signal }) {
        const name = certificateId + '.' + fingerprint
        const held = await call('GET', name, undefined, signal)
        if (held.fingerprint !== fingerprint) await call('PUT', name, fingerprint, signal)
        await host.state.put('last', { name })
        return { changed: held.fingerprint !== fingerprint, served: 'unverifiable', location: config.address, effective: 'now', metadata: { name } }
      },
      async verify({ certificateId, fingerprint, signal }) {
        const { fingerprint: found } = await call('GET', certificateId + '.' + fingerprint, undefined, signal)
        return { matches: found === fingerprint, location: config.address, ...(found === null ? {} : { foundFingerprint: found }) }
      },
      async cleanUp({ certificateId, keep, signal }) {
        const names = await call('GET', '', undefined, signal)
        const removed = names.filter((name) => name.startsWith(certificateId + '.') && !keep.includes(name.split('.').at(-1)))
        for (const name of removed) await call('DELETE', name, undefined, signal)
        return { removed }
      },
      async test(signal) {
        const names = await call('GET', '', undefined, signal)
        return { detail: 'It holds ' + names.length + ' certificates' }
      },
    }
  },
})
`
