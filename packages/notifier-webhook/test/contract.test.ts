import { type Message, markKey, parseConfig } from '@certctl/core'
import { createTestMessage, testNotifier } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import webhook, { configSchema } from '../src/index.js'
import { fakeReceiver, receiverConfig } from './fake-receiver.js'

describe('laws', () => {
  testNotifier({
    test: it,
    definition: webhook,
    config: receiverConfig,
    createWorld: () => fakeReceiver(),
    slug: 'webhook',
  })
})

describe('laws without a secret', () => {
  const { url } = receiverConfig
  testNotifier({ test: it, definition: webhook, config: { url }, createWorld: () => fakeReceiver([]) })
})

async function sendTo(
  world = fakeReceiver(),
  config: Record<string, unknown> = receiverConfig,
  message: Partial<Message> = {},
) {
  const notifier = webhook.create(parseConfig(configSchema, config, 'Webhook'), world.host)
  return await notifier.send(createTestMessage(message))
}

describe('what is posted', () => {
  it('is the message as JSON, with its id, type, time and version', async () => {
    const world = fakeReceiver()
    const { reference } = await sendTo(world, receiverConfig, { id: 'd-1', resolves: 'd-0' })
    const [request] = world.received
    expect(request?.json()).toMatchObject({
      id: 'd-1',
      type: 'certificate.expiring',
      created_at: '2026-11-25T12:00:00.000Z',
      version: 1,
      resolves: 'd-0',
      data: { certificate_id: 'web-frontend', days_left: 7 },
    })
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'certctl',
      'x-certctl-event': 'certificate.expiring',
      'x-certctl-delivery': 'd-1',
    })
    expect(reference).toBe('d-1')
  })

  it('is signed over the exact bytes, also where they are not ASCII', async () => {
    const world = fakeReceiver()
    await sendTo(world, receiverConfig, { title: 'Zertifikat „Größe“ endet 🔒' })
    expect(world.received).toHaveLength(1)
    await expect(sendTo(fakeReceiver(['another-secret']))).rejects.toMatchObject({ code: 'upstream_rejected' })
  })

  it('carries two signatures while a secret is changed, so that either receiver takes it', async () => {
    const config = { ...receiverConfig, second_secret: 'the-next-secret' }
    for (const secrets of [[receiverConfig.secret], ['the-next-secret']]) {
      const world = fakeReceiver(secrets)
      await sendTo(world, config)
      expect(world.received[0]?.headers['x-certctl-signature']).toMatch(/^v1=[0-9a-f]{64},v1=[0-9a-f]{64}$/)
    }
  })

  it('carries no signature where there is no secret', async () => {
    const world = fakeReceiver([])
    await sendTo(world, { url: receiverConfig.url })
    expect(world.received[0]?.headers).not.toHaveProperty('x-certctl-signature')
  })

  it('has the time of this attempt, so that a late repetition is inside the window of the receiver', async () => {
    const world = fakeReceiver()
    const message = createTestMessage({ id: 'd-1' })
    const notifier = webhook.create(parseConfig(configSchema, receiverConfig, 'Webhook'), world.host)
    world.behave('500 then well')
    await expect(notifier.send(message)).rejects.toMatchObject({ code: 'upstream_unavailable' })
    await world.host.delay(3600, message.signal)
    await notifier.send(message)
    expect(world.received[0]?.headers['x-certctl-delivery']).toBe('d-1')
  })

  it('goes to the address byte for byte, with its last slash and its query', async () => {
    const seen: string[] = []
    const world = fakeReceiver([])
    const host = { ...world.host, http: () => ({ request: recorded }) }
    async function recorded({ path }: { path: unknown }) {
      seen.push((path as { reveal(): string }).reveal())
      return { status: 200, headers: {}, body: new Uint8Array(), text: () => '', json: () => ({}) }
    }
    const url = 'https://hooks.example.test/a/?sig=x%2Fy/'
    await webhook.create(parseConfig(configSchema, { url }, 'Webhook'), host).send(createTestMessage())
    expect(seen).toEqual([url])
  })
})

describe('what is answered', () => {
  it.each([
    [200, undefined, undefined],
    [204, undefined, undefined],
    [299, undefined, undefined],
    [301, 'upstream_rejected', undefined],
    [400, 'upstream_rejected', undefined],
    [401, 'upstream_rejected', undefined],
    [404, 'upstream_rejected', undefined],
    [408, 'upstream_unavailable', 30],
    [410, 'gone', undefined],
    [422, 'upstream_rejected', undefined],
    [425, 'upstream_unavailable', 30],
    [429, 'rate_limited', 30],
    [500, 'upstream_unavailable', undefined],
    [503, 'upstream_unavailable', 30],
  ])('%s means %s', async (status, code, retryAfterSeconds) => {
    const world = fakeReceiver()
    const answer = { status, headers: {}, body: new Uint8Array(), text: () => '', json: () => ({}), retryAfterSeconds }
    const host = { ...world.host, http: () => ({ request: async () => answer }) }
    const notifier = webhook.create(parseConfig(configSchema, receiverConfig, 'Webhook'), host)
    const ending = await notifier.send(createTestMessage()).catch((error: unknown) => error)
    expect(ending).toMatchObject(code === undefined ? { reference: expect.any(String) } : { code, retryAfterSeconds })
  })

  it('one that wants no more messages, or leads elsewhere, says what to do', async () => {
    const world = fakeReceiver()
    world.behave('gone')
    await expect(sendTo(world)).rejects.toThrow('remove the notifier')
    world.behave('elsewhere')
    await expect(sendTo(world)).rejects.toThrow('redirects are not followed')
    expect(world.received).toEqual([])
  })

  it('a busy receiver says when it wants to be asked again', async () => {
    const world = fakeReceiver()
    world.behave('busy')
    await expect(sendTo(world)).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 120 })
  })

  it.each(['slow drip', 'wrong certificate'] as const)('a receiver with a %s is tried again', async (mood) => {
    const world = fakeReceiver()
    world.behave(mood)
    await expect(sendTo(world)).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })
})

describe('a connection test', () => {
  it('posts nothing and says how the receiver answers', async () => {
    const world = fakeReceiver()
    const notifier = webhook.create(parseConfig(configSchema, receiverConfig, 'Webhook'), world.host)
    expect(await notifier.test?.(new AbortController().signal)).toEqual({
      detail: 'The receiver can be reached (it answers 405 to HEAD); nothing was posted',
    })
    expect(world.received).toEqual([])
  })
})

describe('configuration', () => {
  const faultOf = (config: Record<string, unknown>) => {
    const parsed = configSchema.safeParse(config)
    return parsed.success ? undefined : `${parsed.error.issues[0]?.path.join('.')}: ${parsed.error.issues[0]?.message}`
  }

  it('the address and both secrets are marked as secrets', () => {
    const { properties } = webhook.jsonSchema as { properties: Record<string, Record<string, unknown>> }
    const marked = Object.entries(properties).filter(([, field]) => field[markKey] === 'secret')
    expect(marked.map(([name]) => name)).toEqual(['url', 'secret', 'second_secret'])
  })

  it('plain http needs leave for private addresses', () => {
    const url = 'http://10.0.0.7/hook'
    expect(faultOf({ url })).toBe('url: must be https, or allow_private_addresses must be set')
    expect(faultOf({ url, allow_private_addresses: true })).toBeUndefined()
  })

  it.each(['not a url', 'ftp://x.test/', 'javascript:alert(1)'])('%s is refused as an address', (url) => {
    expect(faultOf({ url })).toBe('url: must be an https URL')
  })

  it('an address with credentials is refused', () => {
    expect(faultOf({ url: 'https://me:pw@x.test/' })).toBe('url: must not carry a user name')
  })

  it('a second secret needs a first, and certificates must be PEM', () => {
    const { url } = receiverConfig
    expect(faultOf({ url, second_secret: 's' })).toBe('second_secret: needs a first secret')
    expect(faultOf({ url, ca_pem: 'MIIB' })).toBe('ca_pem: must be certificates in PEM')
  })

  it('private addresses are refused to the client unless they are allowed', () => {
    const asked: unknown[] = []
    const { host } = fakeReceiver()
    const watching = {
      ...host,
      http(options: Parameters<typeof host.http>[0]) {
        asked.push(options)
        return host.http(options)
      },
    }
    for (const allow_private_addresses of [false, true])
      webhook.create(parseConfig(configSchema, { ...receiverConfig, allow_private_addresses }, 'Webhook'), watching)
    expect(asked).toMatchObject([
      { addresses: 'public-only', timeLimitSeconds: 10, maxResponseBytes: 65536, statusOnly: true },
      { addresses: 'any', timeLimitSeconds: 10, maxResponseBytes: 65536, statusOnly: true },
    ])
  })

  it('the environment makes one instance when the address is set', () => {
    expect(webhook.environment).toMatchObject([
      { id: 'notifier-webhook', when: 'CERTCTL_WEBHOOK_URL', variables: { secret: 'CERTCTL_WEBHOOK_SECRET' } },
    ])
  })
})
