import { createHash } from 'node:crypto'
import { isIPv4 } from 'node:net'
import { createTestHost, type DnsWorld, type HttpAnswer, type SeenRequest, type TestHost } from '@certctl/testing'

export const serverUrl = 'https://auth.acme-dns.test'
const ownDomain = 'auth.acme-dns.test'

export interface FakeRegistration {
  username: string
  password: string
  fulldomain: string
  subdomain: string
}
interface Row {
  value: string
  /** Whole seconds since 1970. */
  lastUpdate: number
}
interface User extends FakeRegistration {
  allowfrom: readonly string[]
  rows: Row[]
}
interface World {
  users: Map<string, User>
  registration: boolean
  clientAddress: string
  healthy: boolean
  now: () => Date
}

export interface FakeAcmeDns extends DnsWorld {
  readonly host: TestHost
  readonly requests: readonly SeenRequest[]
  values(name: string): string[]
  /** The operator creates the record. */
  alias(name: string, target: string): void
  /** Somebody else's registration. */
  add(registration: FakeRegistration, allowfrom?: readonly string[]): void
  /** An update by another client of the same registration. */
  updateElsewhere(subdomain: string, value: string): void
  set(changes: Partial<Pick<World, 'registration' | 'clientAddress' | 'healthy'>>): void
  breakResolver(): void
}

/** The same registration for the same seed. */
export function registrationFor(seed: string): FakeRegistration {
  const hex = createHash('sha256').update(seed).digest('hex')
  const uuid = (from: number) =>
    [8, 4, 4, 4, 12]
      .reduce<{ at: number; parts: string[] }>(
        ({ at, parts }, size) => ({ at: at + size, parts: [...parts, hex.slice(at, at + size)] }),
        { at: from, parts: [] },
      )
      .parts.join('-')
  const subdomain = uuid(16)
  return {
    username: uuid(0),
    password: `pw5ECRET${hex.slice(0, 32)}`,
    subdomain,
    fulldomain: `${subdomain}.${ownDomain}`,
  }
}

/**
 * A model of acme-dns 2.0 (its source on GitHub was read; the Go module could not be had here, so that the program itself was not run): two rows for each registration, of
 * which an update takes the one with the smaller time of last update, in whole seconds, the first one where they are equal; values of exactly 43 characters; 401 for whoever is
 * not known, is another subdomain's or comes from an address that is not allowed, before anything else is looked at; no removing.
 */
export function fakeAcmeDns(): FakeAcmeDns {
  const requests: SeenRequest[] = []
  const aliases = new Map<string, string>()
  let resolverBroken = false
  const world: World = {
    users: new Map(),
    registration: true,
    clientAddress: '192.0.2.10',
    healthy: true,
    now: () => host.now(),
  }
  const host: TestHost = createTestHost({
    http: (request) => {
      requests.push(request)
      return answer(request, world)
    },
    resolve: ({ name, type }) => {
      if (resolverBroken) throw Object.assign(new Error('the resolver failed'), { code: 'upstream_unavailable' })
      const target = aliases.get(name)
      return type === 'CNAME' && target !== undefined ? [`${target}.`] : []
    },
  })
  const follow = (name: string): string => {
    const next = aliases.get(name)
    return next === undefined ? name : follow(next)
  }
  return {
    host,
    requests,
    values: (name) => {
      const user = [...world.users.values()].find(({ fulldomain }) => fulldomain === follow(name))
      return (user?.rows ?? []).map(({ value }) => value).filter((value) => value !== '')
    },
    plant: () => {
      throw new Error('Nobody can add what is no answer to a challenge')
    },
    alias: (name, target) => {
      aliases.set(name, target)
    },
    add: (registration, allowfrom = []) => {
      world.users.set(registration.username, { ...registration, allowfrom, rows: emptyRows() })
    },
    updateElsewhere: (subdomain, value) => {
      const user = [...world.users.values()].find((one) => one.subdomain === subdomain)
      if (user !== undefined) replaceOldest(user, value, world.now())
    },
    set: (changes) => {
      Object.assign(world, changes)
    },
    breakResolver: () => {
      resolverBroken = true
    },
  }
}

const emptyRows = (): Row[] => [
  { value: '', lastUpdate: 0 },
  { value: '', lastUpdate: 0 },
]

function replaceOldest({ rows }: User, value: string, now: Date): void {
  const [first, second] = rows
  if (first === undefined || second === undefined) return
  const oldest = second.lastUpdate < first.lastUpdate ? second : first
  oldest.value = value
  oldest.lastUpdate = Math.floor(now.getTime() / 1000)
}

function answer(request: SeenRequest, world: World): HttpAnswer {
  if (request.url.origin !== serverUrl) return { status: 404, body: '404 page not found\n' }
  const route = `${request.method} ${request.path}`
  if (route === 'GET /health') return { status: world.healthy ? 200 : 500 }
  if (route === 'POST /register' && world.registration) return register(request, world)
  if (route === 'POST /update') return update(request, world)
  return {
    status: ['/register', '/update', '/health'].includes(request.path) && request.path !== '/register' ? 405 : 404,
    body: '404 page not found\n',
  }
}

const fault = (status: number, error: string): HttpAnswer => ({ status, json: { error } })

function register(request: SeenRequest, world: World): HttpAnswer {
  const { allowfrom = [] } = (request.text() === '' ? {} : request.json()) as { allowfrom?: string[] }
  if (allowfrom.some((network) => !network.includes('/'))) return fault(400, 'invalid_allowfrom_cidr')
  const registration = registrationFor(`registered ${world.users.size}`)
  world.users.set(registration.username, { ...registration, allowfrom, rows: emptyRows() })
  return { status: 201, json: { ...registration, allowfrom } }
}

function update(request: SeenRequest, world: World): HttpAnswer {
  const user = world.users.get(request.headers['x-api-user'] ?? '')
  const { subdomain, txt } = request.json() as { subdomain: string; txt: string }
  const known = user !== undefined && user.password === request.headers['x-api-key'] && user.subdomain === subdomain
  if (!known || !isAllowed(user.allowfrom, world.clientAddress)) return fault(401, 'forbidden')
  if (!/^[A-Za-z0-9_-]{43}$/.test(txt)) return fault(400, 'bad_txt')
  replaceOldest(user, txt, world.now())
  return { status: 200, json: { txt } }
}

function isAllowed(networks: readonly string[], address: string): boolean {
  return networks.length === 0 || networks.some((network) => isWithin(address, network))
}

function isWithin(address: string, network: string): boolean {
  const [base = '', size = '32'] = network.split('/')
  if (!isIPv4(base)) return false
  const number = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const block = 2 ** (32 - Number(size))
  return Math.floor(number(address) / block) === Math.floor(number(base) / block)
}
