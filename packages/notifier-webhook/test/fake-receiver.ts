import { createHmac, timingSafeEqual } from 'node:crypto'
import { createTestHost, type HttpAnswer, type NotifierWorld, type SeenRequest, type Told } from '@certctl/testing'

export const receiverConfig = {
  url: 'https://hooks.example.test/certctl/T0P-5ECRET-path?key=5ECRET-key',
  secret: 'a-signing-secret-of-the-receiver',
}

/** How the receiver behaves from now on. */
export type Mood = 'well' | '500 then well' | 'busy' | 'gone' | 'elsewhere' | 'slow drip' | 'wrong certificate'

export interface Receiver extends NotifierWorld {
  readonly received: readonly SeenRequest[]
  behave(mood: Mood): void
}

const windowSeconds = 300

/**
 * A receiver as the README asks people to write one: it checks the signature of the exact bytes under any secret it knows, refuses
 * timestamps outside five minutes, takes JSON only, and answers other paths and methods as a web server would.
 */
export function fakeReceiver(secrets: readonly string[] = [receiverConfig.secret]): Receiver {
  const received: SeenRequest[] = []
  const told: Told[] = []
  let mood: Mood = 'well'

  const behaviour: Readonly<Record<Mood, (request: SeenRequest) => HttpAnswer | Promise<HttpAnswer>>> = {
    well: (request) => accept(request),
    '500 then well': (request) => {
      mood = 'well'
      return { status: 500, body: request.path }
    },
    busy: () => ({ status: 429, headers: { 'Retry-After': '120' } }),
    gone: () => ({ status: 410 }),
    elsewhere: () => ({ status: 307, headers: { location: 'http://169.254.169.254/latest/meta-data/' } }),
    'slow drip': () => Promise.reject(timedOut()),
    'wrong certificate': () => Promise.reject(timedOut()),
  }
  const accept = (request: SeenRequest): HttpAnswer => {
    const now = host.now().getTime() / 1000
    const refusal = refusalOf(request, { secrets, now })
    if (refusal !== undefined) return refusal
    received.push(request)
    told.push({ id: request.headers['x-certctl-delivery'], text: request.text() })
    return { status: 204 }
  }
  const host = createTestHost({ http: (request) => behaviour[mood](request) })
  return {
    host,
    received,
    told: () => told,
    behave(next) {
      mood = next
    },
  }
}

function timedOut(): Error {
  return Object.assign(new Error('hooks.example.test did not answer within 10 s'), { code: 'upstream_unavailable' })
}

/** What a careful receiver answers to a request it does not take; `undefined`: it takes it. */
export function refusalOf(
  request: Pick<SeenRequest, 'method' | 'url' | 'headers' | 'body'>,
  { secrets, now }: { secrets: readonly string[]; now: number },
): HttpAnswer | undefined {
  const { pathname, search } = new URL(receiverConfig.url)
  if (request.url.pathname !== pathname || request.url.search !== search) return { status: 404 }
  if (request.method !== 'POST') return { status: 405 }
  if (request.headers['content-type'] !== 'application/json') return { status: 415 }
  const timestamp = request.headers['x-certctl-timestamp'] ?? ''
  if (!(Math.abs(now - Number(timestamp)) <= windowSeconds)) return { status: 401, body: 'timestamp' }
  if (secrets.length === 0) return undefined
  const given = (request.headers['x-certctl-signature'] ?? '').split(',')
  const wanted = secrets.map((secret) => {
    const bytes = Buffer.concat([Buffer.from(`${timestamp}.`), request.body])
    return `v1=${createHmac('sha256', secret).update(bytes).digest('hex')}`
  })
  return wanted.some((one) => given.some((other) => same(one, other))) ? undefined : { status: 401, body: 'signature' }
}

function same(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
