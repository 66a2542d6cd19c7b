import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server as TcpServer } from 'node:net'
import { type Material, unusedPort } from '@certctl/testing'
import type { Answer } from 'dns-packet'
import { createDnsLooks } from '../../src/doctor/dns/create-dns-looks.js'
import type { Finding } from '../../src/doctor/finding.js'
import { createWebLooks } from '../../src/doctor/http/create-web-looks.js'
import { lookAtDirectory } from '../../src/doctor/issuer/look-at-directory.js'
import type { IssuerLooks, Looks } from '../../src/doctor/looks.js'
import { runChecks } from '../../src/doctor/run-checks.js'
import { type Method, parseAskedName, type Subject } from '../../src/doctor/subject.js'
import type { Surroundings } from '../../src/doctor/surroundings.js'
import { type Mood, type NameServer, startNameServer, type TestZone } from './name-server.js'

export const rootAddress = '127.0.0.11'
export const comAddress = '127.0.0.12'
export const firstAddress = '127.0.0.21'
export const secondAddress = '127.0.0.22'
export const resolverAddress = '127.0.0.31'
export const webAddress = '127.0.0.41'
/** Nothing listens there. */
export const emptyAddress = '127.0.0.42'

export const a = (name: string, data: string): Answer => ({ type: 'A', name, ttl: 300, data })
export const aaaa = (name: string, data: string): Answer => ({ type: 'AAAA', name, ttl: 300, data })
export const ns = (name: string, data: string): Answer => ({ type: 'NS', name, ttl: 300, data })
export const cname = (name: string, data: string): Answer => ({ type: 'CNAME', name, ttl: 300, data })
export const txt = (name: string, data: string): Answer => ({ type: 'TXT', name, ttl: 300, data })
export const caa = (name: string, value: string, { tag = 'issue', flags = 0 } = {}): Answer => ({
  type: 'CAA',
  name,
  ttl: 300,
  data: { flags, tag: tag as 'issue', value },
})
export const soa = (name: string, serial = 1): Answer => ({
  type: 'SOA',
  name,
  ttl: 300,
  data: {
    mname: `ns1.${name}`,
    rname: `hostmaster.${name}`,
    serial,
    refresh: 3600,
    retry: 600,
    expire: 86_400,
    minimum: 60,
  },
})

export interface World {
  zones: { root: TestZone; com: TestZone; example: TestZone; second: TestZone }
  servers: Record<'root' | 'com' | 'first' | 'second' | 'resolver', NameServer>
  /** What the web server of www.example.com does. */
  web: { http: RequestListener; https: RequestListener }
  /** What the CA's server does, and what our clock says. */
  ca: { directory: RequestListener; now: () => Date; port: number }
  /** What is known of the issuer besides. */
  issuer: Partial<IssuerLooks>
  account: string | undefined
  surroundings: Surroundings
  mood(server: keyof World['servers'], mood: Mood): void
  examine(name: string, options?: { method?: Method; withoutIssuer?: boolean }): Promise<Finding[]>
  listen(server: TcpServer, address: string): Promise<void>
  close(): Promise<void>
}

/** A root, com, and example.com on two name servers, a resolver, a web server and a CA, all well. A test makes one thing wrong. */
export async function createWorld(material: Pick<Material, 'leafs'>): Promise<World> {
  const zones = healthyZones()
  const { servers, port } = await startServers(zones)
  const web: World['web'] = { http: notFound, https: notFound }
  const [leaf] = material.leafs
  const httpServer = createHttpServer((request, response) => web.http(request, response))
  const tls = { cert: leaf.certificatePem, key: leaf.privateKeyPem.reveal() }
  const httpsServer = createHttpsServer(tls, (request, response) => web.https(request, response))
  const caServer = createHttpServer((request, response) => ca.directory(request, response))
  const open: (Server | TcpServer)[] = [httpServer, httpsServer, caServer]
  const ports = { http: await listen(httpServer, webAddress), https: await listen(httpsServer, webAddress) }
  const ca: World['ca'] = {
    directory: healthyDirectory,
    now: () => new Date(),
    port: await listen(caServer, '127.0.0.1'),
  }
  const surroundings: Surroundings = {
    dns: { roots: [rootAddress], resolvers: [resolverAddress], port, addresses: 'any' },
    web: { ports, addresses: 'any', reachOf: () => 'public' },
  }
  const world: World = {
    zones,
    servers,
    web,
    ca,
    issuer: {},
    account: 'https://ca.test/account/7',
    surroundings,
    mood(server, mood) {
      servers[server].options.mood = mood
    },
    examine: async (name, options = {}) => await examine(world, name, options),
    async listen(server, address) {
      open.push(server)
      server.listen(ports.http, address)
      await once(server, 'listening')
    },
    async close() {
      await Promise.all(Object.values(servers).map(async (server) => await server.close()))
      for (const server of open) {
        if ('closeAllConnections' in server) server.closeAllConnections()
        server.close()
      }
    },
  }
  return world
}

function healthyZones(): World['zones'] {
  const example = (): TestZone => ({
    name: 'example.com',
    records: [
      soa('example.com'),
      ns('example.com', 'ns1.example.com'),
      ns('example.com', 'ns2.example.com'),
      a('ns1.example.com', firstAddress),
      a('ns2.example.com', secondAddress),
      a('www.example.com', webAddress),
    ],
  })
  return {
    root: { name: '', records: [soa('a.root'), ns('com', 'a.gtld.com'), a('a.gtld.com', comAddress)] },
    com: {
      name: 'com',
      records: [
        soa('com'),
        ns('com', 'a.gtld.com'),
        a('a.gtld.com', comAddress),
        ns('example.com', 'ns1.example.com'),
        ns('example.com', 'ns2.example.com'),
        a('ns1.example.com', firstAddress),
        a('ns2.example.com', secondAddress),
      ],
    },
    example: example(),
    second: example(),
  }
}

/** All on one port, each on an address of its own, as in the world. */
async function startServers({
  root,
  com,
  example,
  second,
}: World['zones']): Promise<Pick<World, 'servers'> & { port: number }> {
  for (;;) {
    const port = await unusedPort()
    const started: NameServer[] = []
    const start = async (address: string, zones: TestZone[], isRecursive = false): Promise<NameServer> => {
      const server = await startNameServer({ address, zones, isRecursive }, port)
      started.push(server)
      return server
    }
    try {
      const servers = {
        root: await start(rootAddress, [root]),
        com: await start(comAddress, [com]),
        first: await start(firstAddress, [example]),
        second: await start(secondAddress, [second]),
        resolver: await start(resolverAddress, [root, com, example], true),
      }
      return { servers, port }
    } catch (error) {
      await Promise.all(started.map(async (server) => await server.close()))
      if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    }
  }
}

async function listen(server: TcpServer, address: string): Promise<number> {
  server.listen(0, address)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const notFound: RequestListener = (_, response) => {
  response.statusCode = 404
  response.end('not found')
}

const healthyDirectory: RequestListener = (_, response) => {
  response.setHeader('content-type', 'application/json')
  const url = 'https://ca.test/new'
  response.end(
    JSON.stringify({ newNonce: url, newAccount: url, newOrder: url, junk: url, meta: { caaIdentities: ['ca.test'] } }),
  )
}

async function examine(
  world: World,
  name: string,
  { method = 'http-01', withoutIssuer = false }: { method?: Method; withoutIssuer?: boolean },
): Promise<Finding[]> {
  const { surroundings, ca, account } = world
  const signal = AbortSignal.timeout(50_000)
  const asked = parseAskedName(name)
  const directory = await lookAtDirectory({ url: `http://127.0.0.1:${ca.port}/directory`, now: ca.now, signal })
  const looks: Looks = {
    now: ca.now,
    ...createDnsLooks(surroundings.dns, signal),
    ...createWebLooks(surroundings.web, { host: asked.kind === 'malformed' ? '' : asked.name, signal }),
    proxies: [],
    directory: async () => (withoutIssuer ? undefined : directory),
    identities: async () => (directory.state === 'answered' && !withoutIssuer ? directory.caaIdentities : []),
    testIssuer: async () => (withoutIssuer ? undefined : { works: true, detail: 'it answers', account }),
    testProvider: async () => undefined,
    budget: async () => undefined,
    ...world.issuer,
  }
  const subject: Subject = { asked, method, issuerId: withoutIssuer ? undefined : 'iss-acme' }
  return await runChecks(looks, subject, signal)
}
