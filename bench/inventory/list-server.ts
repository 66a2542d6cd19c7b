/** One server of bar 9, for `list-request.ts`, which says which: it sends its port and answers until it is killed. */
import { randomUUID } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { Secret } from '@certctl/core'
import { createApiKey } from '../../apps/server/src/access/api-keys.js'
import { systemActor } from '../../apps/server/src/access/principal.js'
import { createHttpApp } from '../../apps/server/src/http/app.js'
import { securityHeaders } from '../../apps/server/src/http/security-headers.js'
import { httpSettingsOf } from '../../apps/server/src/http/settings.js'
import { certificateView } from '../../apps/server/src/inventory/certificate-view.js'
import { createLogger } from '../../apps/server/src/log.js'
import type { ListedCertificate } from '../../apps/server/src/store/certificate-list.js'
import { openDatabase } from '../../apps/server/src/store/database.js'
import { createTestServices } from '../../apps/server/test/postgres.js'

const serverRequire = createRequire(new URL('../../apps/server/package.json', import.meta.url))
const listPath = '/api/v1/certificates?page_size=50&sort=notAfter&environment=production'
const told = await new Promise<{ url: string; now: string }>((resolve) =>
  process.once('message', (message) => resolve(message as { url: string; now: string })),
)
const inventory = { address: { url: new Secret(told.url) }, now: new Date(told.now) }

async function ourServer(path: string): Promise<void> {
  const database = { url: '', address: inventory.address, close: async () => undefined }
  const clock = { now: () => inventory.now, advance: () => undefined }
  const services = await createTestServices({ database, clock })
  const { destination } = serverRequire('pino')
  const quiet = {
    ...services,
    log: createLogger({ level: 'info', to: destination({ dest: '/dev/null', sync: true }) }),
  }
  const settings = httpSettingsOf(services.config, { caSpkiSha256: async () => undefined, isStopping: () => false })
  const app = createHttpApp(quiet, {
    ...settings,
    rateLimit: { ...settings.rateLimit, rate: 1e9, burst: 1e9, principalRate: 1e9, principalBurst: 1e9 },
  })
  const { key } = await createApiKey(quiet, { name: `bench ${process.pid}`, role: 'viewer', actor: systemActor })
  listen(app.listener, { path, key, options: app.options })
}

/** What one would write without thinking about it: rows as objects, and JSON.stringify. */
function builderServer(): void {
  const { db } = openDatabase({ address: inventory.address, maxConnections: 10 })
  const express = serverRequire('express')
  const app = express()
  app.get('/api/v1/certificates', async (_request: unknown, response: { json(body: unknown): void }) => {
    const rows = await db
      .selectFrom('listed_certificates as l')
      .innerJoin('certificates as c', 'c.id', 'l.id')
      .select([
        'l.id',
        'l.name',
        'l.common_name',
        'c.names',
        'l.environment',
        'l.owner_id',
        'l.team_id',
        'l.issuer_id',
        'l.target_ids',
        'c.renewal_policy_id',
        'l.certificate_profile_id',
        'l.standing',
        'l.expires_at',
        'l.expiring_at',
        'c.tags',
        'l.last_renewal_at',
        'l.last_deployment_at',
        'l.revoked_at',
        'l.revocation_reason',
        'l.created_at',
        'l.updated_at',
        'c.source',
        'l.serial_number',
        'l.fingerprint',
        'c.key_algorithm',
        'l.renew_at',
        'c.generation',
      ])
      .where('l.environment', '=', 'production')
      .where('l.standing', '<>', 'archived')
      .orderBy('l.expires_at')
      .orderBy('l.id')
      .limit(51)
      .execute()
    const status = 'Active'
    response.json({
      data: rows.slice(0, 50).map((row) => certificateView({ ...row, status } as unknown as ListedCertificate)),
      page_size: 50,
    })
  })
  listen(app as RequestListener, { path: listPath, key: '' })
}

/** The same octets as `GET /health`: what is compared is the work on the way to them. */
function bareServer(): void {
  const body = JSON.stringify({ status: 'healthy' })
  const type = ['content-type', 'application/json; charset=utf-8']
  const length = ['content-length', String(Buffer.byteLength(body))]
  const headers = [...securityHeaders, 'x-request-id', randomUUID(), ...type, ...length]
  const listener: RequestListener = (_request, response) => {
    response.writeHead(200, headers)
    response.end(body)
  }
  listen(listener, { path: '/health', key: '' })
}

function listen(listener: RequestListener, told: { path: string; key: string; options?: object }): void {
  const { options = {}, path, key } = told
  const server = createServer(options, listener)
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port, path, key }))
}

process.once('SIGTERM', () => process.exit(0))
const kind = process.argv[2]
if (kind === 'list') await ourServer(listPath)
else if (kind === 'health') await ourServer('/health')
else if (kind === 'builder') builderServer()
else bareServer()
