import { createHash, createPublicKey, randomUUID, X509Certificate } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { agentOperations, agentWorkOperations, bind, type RawRequest, type Route } from '@certctl/api'
import { CertctlError, errorCodes, isCertctlError, messageOf } from '@certctl/core'
import { generateKey } from '@certctl/pki'
import { createTestCa, type TestCa } from '@certctl/testing'
import { createHandlers } from './fake-handlers.js'
import { createFakeState, type FakeState } from './fake-state.js'

/** What a test may do to a request: let it through, lose it before it was handled, or lose the answer. */
export type Meddle = (operationId: string, when: 'before' | 'after') => 'lose' | undefined | Promise<'lose' | undefined>

/**
 * A model of the control plane as agents meet it: the wire of @certctl/api held to its schemas in both directions, own keys, join tokens that
 * work until the key's first use, leases that fence, one agent per path. Written from the server's contract, not from the agent.
 */
export interface FakeControlPlane {
  readonly url: string
  readonly pin: string
  readonly ca: TestCa
  readonly state: FakeState
  /** In the server's form, with this server's address and pin. */
  joinToken(): string
  meddle(how: Meddle | undefined): void
  /** Nobody answers on the port until `up`. */
  down(): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

const operations = { ...agentWorkOperations, joinAgent: agentOperations.joinAgent }

export async function createFakeControlPlane(): Promise<FakeControlPlane> {
  const ca = await createTestCa()
  const state = createFakeState(ca)
  const routes: Route<RawRequest>[] = []
  bind(operations, createHandlers(state), {
    route: (route) => void routes.push(route),
    authorize: (operation, request) => state.authorize(operation.operationId, request),
    checkReplies: true,
  })
  let meddling: Meddle | undefined
  const tls = await listenerTls(ca)
  const create = () =>
    createServer(tls, (incoming, outgoing) => void answer({ routes, meddle: () => meddling }, { incoming, outgoing }))
  let server = await listen(create(), 0)
  const { port } = server.address() as AddressInfo
  const url = `https://127.0.0.1:${port}`
  const pin = spkiHash(ca.rootPem)

  return {
    url,
    pin,
    ca,
    state,
    joinToken: () =>
      `ccj_${Buffer.from(JSON.stringify({ v: 1, u: url, p: pin, s: state.newJoinSecret() })).toString('base64url')}`,
    meddle(how) {
      meddling = how
    },
    async down() {
      state.wakeAll()
      await closed(server)
    },
    async up() {
      server = await listen(create(), port)
    },
    async close() {
      state.wakeAll()
      await closed(server)
    },
  }
}

async function listenerTls(ca: TestCa) {
  const { privateKeyPem, spki } = await generateKey('EC-P256')
  const leaf = await ca.certify(spki, { names: [{ type: 'ip', value: '127.0.0.1' }] })
  return { key: privateKeyPem, cert: leaf + ca.intermediatePem + ca.rootPem, minVersion: 'TLSv1.3' as const }
}

function spkiHash(pem: string): string {
  const spki = createPublicKey(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' })).export({
    type: 'spki',
    format: 'der',
  })
  return createHash('sha256').update(spki).digest('hex')
}

async function listen(server: Server, port: number): Promise<Server> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return server
}

async function closed(server: Server): Promise<void> {
  if (!server.listening) return
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

interface Edge {
  routes: readonly Route<RawRequest>[]
  meddle(): Meddle | undefined
}

async function answer(
  { routes, meddle }: Edge,
  { incoming, outgoing }: { incoming: IncomingMessage; outgoing: ServerResponse },
): Promise<void> {
  const gone = new AbortController()
  outgoing.once('close', () => gone.abort())
  const url = new URL(incoming.url ?? '/', 'https://fake')
  const found = routes
    .map((route) => ({ route, params: paramsOf(route, incoming.method, url.pathname) }))
    .find(({ params }) => params !== undefined)
  const query = Object.fromEntries(url.searchParams)
  try {
    const raw = { query, body: await readBody(incoming), headers: incoming.headers, signal: gone.signal }
    if (found === undefined)
      throw new CertctlError('not_found', `${incoming.method} ${url.pathname} is no route of this server`)
    const { operationId } = found.route.operation
    if ((await meddle()?.(operationId, 'before')) === 'lose') return void incoming.socket.destroy()
    const reply = await found.route.handle({ ...raw, params: found.params ?? {} })
    if ((await meddle()?.(operationId, 'after')) === 'lose') return void incoming.socket.destroy()
    outgoing.writeHead(reply.status, { ...reply.headers }).end(typeof reply.body === 'string' ? reply.body : undefined)
  } catch (error) {
    sendProblem(outgoing, error)
  }
}

function paramsOf(
  { method, operation }: Route<RawRequest>,
  asked: string | undefined,
  path: string,
): Record<string, string> | undefined {
  const pattern = operation.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')
  const match = method === asked ? new RegExp(`^${pattern}$`).exec(path) : null
  return match === null ? undefined : { ...match.groups }
}

async function readBody(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  if (text === '') return undefined
  if (!/^application\/json/.test(incoming.headers['content-type'] ?? ''))
    return { 'wrong content type': incoming.headers['content-type'] }
  return JSON.parse(text)
}

function sendProblem(outgoing: ServerResponse, error: unknown): void {
  const code = isCertctlError(error) ? error.code : 'internal'
  const { http, title } = errorCodes[code]
  const detail = messageOf(error)
  const body = {
    type: `urn:certctl:problem:${code}`,
    title,
    status: http,
    detail,
    code,
    error: title,
    message: detail,
    request_id: randomUUID(),
  }
  outgoing.writeHead(http, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body))
}
