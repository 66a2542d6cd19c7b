import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CertctlError, isCertctlError, parseConfig } from '@certctl/core'
import { createTestRecord, type HttpAnswer } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import route53, { configSchema } from '../src/index.js'
import { quoteText, unquoteText } from '../src/txt-value.js'
import { accountConfig, awsError, fakeRoute53, invalidBatch, roleArn } from './fake-route53.js'

const record = createTestRecord('www.example.test', 1)
const ours = quoteText(record.value)

function createProvider(settings: Readonly<Record<string, unknown>> = accountConfig) {
  const world = fakeRoute53()
  return { world, connector: route53.create(parseConfig(configSchema, settings, 'Route53'), world.host) }
}

async function errorOf(work: Promise<unknown> | undefined): Promise<CertctlError> {
  const error: unknown = await (work ?? Promise.resolve()).then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  if (isCertctlError(error)) return error
  throw error
}

describe('a change', () => {
  it('names the record as it was found and as it shall be, in one batch, and keeps its TTL', async () => {
    const { world, connector } = createProvider()
    world.set(record.name, { ttl: '777', values: ['"foreign" "in two"', '"with \\"quotes\\""'] })
    await connector.present(record)
    const body = world.requests.at(-1)?.text() ?? ''
    expect([...body.matchAll(/<Action>(\w+)<\/Action>/g)].map(([, action]) => action)).toEqual(['DELETE', 'CREATE'])
    expect(body.match(/<TTL>777<\/TTL>/g)).toHaveLength(2)
    expect(body.match(/foreign&quot; &quot;in two|"foreign" "in two"/g)).toHaveLength(2)
    await connector.cleanUp(record)
    expect(await world.values(record.name)).toEqual(['foreignin two', 'with "quotes"'])
  })

  it('creates a record with the TTL that is asked for, and only if there is still none', async () => {
    const { world, connector } = createProvider()
    await connector.present({ ...record, ttlSeconds: 90 })
    const body = world.requests.at(-1)?.text() ?? ''
    expect(body).toContain('<TTL>90</TTL>')
    expect(body).toContain('<Action>CREATE</Action>')
    expect(body).not.toContain('UPSERT')
  })

  it('looks again when somebody else was faster, and gives up when that never ends', async () => {
    const { world, connector } = createProvider()
    const text = "Tried to create resource record set [name='x.', type='TXT'] but it already exists"
    world.next.push(listed(), none(), invalidBatch(text), none(), awsError(400, 'InvalidChangeBatch', `[${text}]`))
    await connector.present(record)
    expect(await world.values(record.name)).toEqual([record.value])
    const { world: busy, connector: unlucky } = createProvider({ ...accountConfig, hosted_zone_id: 'Z03PARENT' })
    busy.next.push(zone(), ...Array.from({ length: 12 }, () => [none(), outrun()]).flat())
    const { code, message } = await errorOf(unlucky.present(record))
    expect([code, message]).toEqual(['upstream_unavailable', expect.stringContaining('12 times')])
  })

  it('waits while an earlier change of the zone is being made', async () => {
    const { world, connector } = createProvider()
    const before = world.host.now().getTime()
    world.next.push(listed(), none(), awsError(400, 'PriorRequestNotComplete', 'The request was rejected because …'))
    await connector.present(record)
    expect(await world.values(record.name)).toEqual([record.value])
    expect(world.host.now().getTime()).toBeGreaterThan(before)
  })

  it('knows its own value however somebody has split and escaped it', async () => {
    const { world, connector } = createProvider()
    const [a, b] = [record.value.slice(0, 10), record.value.slice(10)]
    const octal = `\\${a.charCodeAt(0).toString(8).padStart(3, '0')}${a.slice(1)}`
    world.set(record.name, { ttl: '60', values: [`"${octal}" "${b}"`] })
    await connector.present(record)
    expect(world.requests.filter(({ method }) => method === 'POST')).toEqual([])
    await connector.cleanUp(record)
    expect(await world.names?.()).toEqual([])
  })

  it('is refused beside an alias, and under a routing policy', async () => {
    const { world, connector } = createProvider()
    world.zones.at(-1)?.sets.set(`${record.name} CNAME`, { ttl: '60', values: ['elsewhere.test'] })
    expect((await errorOf(connector.present(record))).message).toContain('conflicts with other records')
    const { world: routed, connector: other } = createProvider()
    routed.set(record.name, { ttl: '60', values: [ours], routed: 'blue' })
    const { code, message } = await errorOf(other.cleanUp(record))
    expect([code, message]).toEqual(['conflict', expect.stringContaining('routing policy')])
  })
})

describe('the hosted zone', () => {
  it('is never a private one, since no CA sees it', async () => {
    const { world, connector } = createProvider()
    const deep = createTestRecord('www.child.example.test', 1)
    await connector.present(deep)
    expect(world.zones.filter(({ sets }) => sets.size > 0).map(({ id }) => id)).toEqual(['Z02CHILD'])
  })

  it('that is there twice must be told by its id', async () => {
    const { world, connector } = createProvider()
    world.zones.push({ id: 'Z09TWIN', name: 'example.test', isPrivate: false, sets: new Map() })
    const { code, message } = await errorOf(connector.present(record))
    expect([code, message]).toEqual(['conflict', expect.stringMatching(/Z03PARENT, Z09TWIN.*hosted_zone_id/)])
    const told = route53.create(
      parseConfig(configSchema, { ...accountConfig, hosted_zone_id: '/hostedzone/Z09TWIN' }, 'x'),
      world.host,
    )
    await told.present(record)
    expect(world.zones.at(-1)?.sets.size).toBe(1)
  })

  it('that does not exist is named', async () => {
    const { connector } = createProvider({ ...accountConfig, hosted_zone_id: 'ZNOWHERE' })
    const { code, message } = await errorOf(connector.present(record))
    expect([code, message]).toEqual(['not_found', expect.stringMatching(/ZNOWHERE.*hosted_zone_id/)])
  })
})

describe('who asks', () => {
  it('is the access key; a wrong one is told with what to compare', async () => {
    const { connector } = createProvider({ ...accountConfig, access_key_id: 'AKIASTRANGER00000000' })
    for (const work of [connector.present(record), connector.test?.(record.signal)]) {
      const { code, message } = await errorOf(work)
      expect([code, message]).toEqual(['unauthenticated', expect.stringMatching(/InvalidClientTokenId.*IAM/)])
    }
  })

  it('is a role, assumed once for many changes, with its external id', async () => {
    const { world, connector } = createProvider({ ...accountConfig, role_arn: roleArn, external_id: 'external' })
    await connector.present(record)
    await connector.cleanUp(record)
    const asked = world.requests.filter(({ url }) => url.hostname.startsWith('sts.'))
    expect(asked).toHaveLength(1)
    expect(asked[0]?.url.hostname).toBe('sts.us-east-1.amazonaws.com')
    const { connector: stranger } = createProvider({ ...accountConfig, role_arn: roleArn })
    expect(await errorOf(stranger.present(record))).toMatchObject({ code: 'forbidden' })
    await connector.close?.()
  })

  it('is a profile of the AWS files of the user', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'certctl-aws-'))
    const file = join(folder, 'credentials')
    const { access_key_id, secret_access_key } = accountConfig
    await writeFile(file, `[dns]\naws_access_key_id=${access_key_id}\naws_secret_access_key=${secret_access_key}\n`)
    process.env.AWS_SHARED_CREDENTIALS_FILE = file
    try {
      const { world, connector } = createProvider({ profile: 'dns' })
      await connector.present(record)
      expect(await world.values(record.name)).toEqual([record.value])
      const { connector: unknown } = createProvider({ profile: 'nobody' })
      const { code, message } = await errorOf(unknown.present(record))
      expect([code, message]).toEqual(['config_invalid', expect.stringContaining('access_key_id')])
    } finally {
      delete process.env.AWS_SHARED_CREDENTIALS_FILE
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('what Route 53 says', () => {
  it.each<[HttpAnswer, string, RegExp]>([
    [awsError(400, 'Throttling', 'Rate exceeded'), 'rate_limited', /five requests a second/],
    [awsError(403, 'AccessDenied', 'not authorized to perform'), 'forbidden', /route53:ChangeResourceRecordSets/],
    [
      awsError(403, 'SignatureDoesNotMatch', 'The request signature …'),
      'unauthenticated',
      /secret access key, and the clock/,
    ],
    [awsError(403, 'ExpiredToken', 'The security token … is expired'), 'unauthenticated', /session token has ended/],
    [awsError(400, 'SomethingNew', 'a new word'), 'upstream_rejected', /SomethingNew: a new word/],
    [{ status: 404, body: '<html><body>not here</body></html>' }, 'upstream_rejected', /setting endpoint/],
    [
      { status: 200, body: '<?xml version="1.0"?><ListHostedZonesResponse><HostedZo' },
      'upstream_protocol',
      /hosted zones/,
    ],
    [
      { status: 200, body: '<?xml version="1.0"?><ListHostedZonesResponse></ListHostedZonesResponse>' },
      'upstream_protocol',
      /./,
    ],
    [{ status: 200, body: '' }, 'upstream_protocol', /proxy in between/],
  ])('%j becomes %s, with what to do about it', async (answer, code, expected) => {
    const { world, connector } = createProvider()
    world.next.push(answer)
    expect(await errorOf(connector.present(record))).toMatchObject({ code, message: expect.stringMatching(expected) })
  })
})

describe('the test of the connection', () => {
  it('shows the zones that are seen', async () => {
    const { connector } = createProvider()
    expect((await connector.test?.(record.signal))?.detail).toContain('aaa.test, child.example.test, example.test')
  })

  it('fails where no public zone is seen', async () => {
    const { world, connector } = createProvider()
    world.zones.splice(1)
    expect(await errorOf(connector.test?.(record.signal))).toMatchObject({ code: 'not_found' })
  })
})

describe('TXT values in the words of Route 53', () => {
  it.each([
    'plain',
    '',
    'a "quote"',
    'back\\slash',
    'semi; colon',
    'ümläut €',
    'x'.repeat(255),
    'y'.repeat(256),
    'tab\tand\nline',
  ])('are the same after quoting and reading: %j', (value) => {
    const quoted = quoteText(value)
    expect(unquoteText(quoted)).toBe(value)
    expect(quoted).toMatch(/^"[\x20-\x7e]*"( "[\x20-\x7e]*")*$/)
  })

  it('are read as others write them', () => {
    expect(unquoteText('"a" "b"')).toBe('ab')
    expect(unquoteText('"a""b"')).toBe('ab')
    expect(unquoteText('bare')).toBe('bare')
    expect(unquoteText('"\\303\\274"')).toBe('ü')
  })
})

describe('settings', () => {
  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['a key without its secret', { access_key_id: 'AKIA' }],
    ['a secret without its key', { secret_access_key: 's' }],
    ['a key and a profile', { ...accountConfig, profile: 'p' }],
    ['a session token without a key', { session_token: 't' }],
    ['an external id without a role', { external_id: 'e' }],
    ['something else than a role', { role_arn: 'arn:aws:iam::123456789012:user/me' }],
    ['something else than a zone', { hosted_zone_id: 'example.test' }],
    ['something else than a region', { region: 'Frankfurt' }],
  ])('refuse %s', (_, settings) => {
    expect(configSchema.safeParse(settings).success).toBe(false)
  })

  it('are read from one variable of the environment each', () => {
    const [instance] = route53.environment ?? []
    expect(Object.keys(instance?.variables ?? {}).sort()).toEqual(Object.keys(configSchema.shape).sort())
    expect(new Set(Object.values(instance?.variables ?? {})).size).toBe(Object.keys(configSchema.shape).length)
    expect(Object.values(instance?.variables ?? {})).toContain(instance?.when)
  })

  it('hand on a session token, and the time limit to every request', async () => {
    const settings = { ...accountConfig, access_key_id: 'ASIATEMPORARY', timeout: '7s' }
    const { world, connector } = createProvider({ ...settings, session_token: 'temporary' })
    await connector.present(record)
    expect(new Set(world.requests.map(({ options }) => options.timeLimitSeconds))).toEqual(new Set([7]))
    const { connector: without } = createProvider(settings)
    expect(await errorOf(without.present(record))).toMatchObject({ code: 'unauthenticated' })
  })

  it('decide the address and the region that is signed for', async () => {
    const { world, connector } = createProvider({
      ...accountConfig,
      endpoint: 'https://vpce-1.example.test',
      region: 'us-east-1',
    })
    await connector.present(record)
    expect(new Set(world.requests.map(({ url }) => url.origin))).toEqual(new Set(['https://vpce-1.example.test']))
    const { world: china, connector: there } = createProvider({ ...accountConfig, region: 'cn-northwest-1' })
    await errorOf(there.present(record))
    expect(china.requests[0]?.url.hostname).toBe('route53.amazonaws.com.cn')
  })
})

const zone = () =>
  created('GetHostedZoneResponse', '<HostedZone><Id>/hostedzone/Z03PARENT</Id><Name>example.test.</Name></HostedZone>')
const listed = () =>
  created(
    'ListHostedZonesResponse',
    '<HostedZones><HostedZone><Id>/hostedzone/Z03PARENT</Id><Name>example.test.</Name></HostedZone></HostedZones><IsTruncated>false</IsTruncated>',
  )
const none = () => created('ListResourceRecordSetsResponse', '<ResourceRecordSets></ResourceRecordSets>')
const outrun = () =>
  awsError(
    400,
    'InvalidChangeBatch',
    "[Tried to create resource record set [name='x.', type='TXT'] but it already exists]",
  )

function created(root: string, body: string): HttpAnswer {
  return { status: 200, body: `<?xml version="1.0"?><${root}>${body}</${root}>` }
}
