import { createTestHost, type DnsWorld, type HttpAnswer, type SeenRequest, type TestHost } from '@certctl/testing'

export const accountConfig = {
  access_key_id: 'AKIAEXAMPLEEXAMPLE00',
  secret_access_key: 'secret+access/key+of+forty+characters+00',
}
export const roleArn = 'arn:aws:iam::123456789012:role/dns-writer'

interface Stored {
  ttl: string
  /** As they were sent. */
  values: readonly string[]
  routed?: string | undefined
}
interface Zone {
  id: string
  name: string
  isPrivate: boolean
  /** By name and type. */
  sets: Map<string, Stored>
}

export interface FakeRoute53 extends DnsWorld {
  readonly host: TestHost
  readonly requests: readonly SeenRequest[]
  readonly zones: Zone[]
  /** The next answers, before the service looks at the request itself. */
  readonly next: HttpAnswer[]
  set(name: string, stored: Stored): void
}

/**
 * Route 53 and the one call of STS, as their API references say and as their errors are quoted by users; moto 5.2.5 was compared by the
 * same laws and is less strict. Record sets are exchanged whole; a batch is applied in order and as a whole; a DELETE must name the very
 * values and the TTL that are there, a CREATE must find nothing. At most two zones a page, so that pages are turned.
 */
export function fakeRoute53(): FakeRoute53 {
  const zones: Zone[] = [
    { id: 'Z00PRIVATE', name: 'child.example.test', isPrivate: true, sets: new Map() },
    { id: 'Z01OTHER', name: 'aaa.test', isPrivate: false, sets: new Map() },
    { id: 'Z02CHILD', name: 'child.example.test', isPrivate: false, sets: new Map() },
    { id: 'Z03PARENT', name: 'example.test', isPrivate: false, sets: new Map() },
  ]
  const requests: SeenRequest[] = []
  const next: HttpAnswer[] = []
  const host = createTestHost({
    http(request) {
      requests.push(request)
      return next.shift() ?? answerTo(zones, request)
    },
  })
  const zoneFor = (name: string) =>
    zones
      .filter((zone) => !zone.isPrivate && (name === zone.name || name.endsWith(`.${zone.name}`)))
      .toSorted((a, b) => b.name.length - a.name.length)[0]
  const valuesOf = (name: string) => zoneFor(name)?.sets.get(`${name} TXT`)?.values ?? []
  return {
    host,
    requests,
    zones,
    next,
    set: (name, stored) => void zoneFor(name)?.sets.set(`${name} TXT`, stored),
    values: (name) => valuesOf(name).map(textOf),
    plant(name, values) {
      const planted = values.map((value) => (value.match(/.{1,255}/g) ?? ['']).map(quoted).join(' '))
      zoneFor(name)?.sets.set(`${name} TXT`, { ttl: '300', values: [...valuesOf(name), ...planted] })
    },
    names: () => zones.flatMap(({ sets }) => [...sets.keys()].map((key) => key.replace(/ TXT$/, ''))),
  }
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
const textOf = (value: string): string =>
  [...value.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replace(/\\(["\\])/g, '$1')).join('')
const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
const unescapeXml = (text: string): string =>
  text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/&quot;/g, '"')
    .replace(/&apos;/g, "'")
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
const inside = (xml: string, tag: string): string[] =>
  [...xml.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))].map(([, text = '']) => unescapeXml(text))
const raw = (xml: string, tag: string): string[] =>
  [...xml.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))].map(([, text = '']) => text)

const namespace = 'xmlns="https://route53.amazonaws.com/doc/2013-04-01/"'
const xml = (root: string, body: string): HttpAnswer => ({
  status: 200,
  headers: { 'content-type': 'text/xml' },
  body: `<?xml version="1.0"?>\n<${root} ${namespace}>${body}</${root}>`,
})

export function awsError(status: number, code: string, message: string): HttpAnswer {
  const body = `<?xml version="1.0"?>\n<ErrorResponse ${namespace}><Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`
  return { status, headers: { 'content-type': 'text/xml' }, body }
}

/** As the API reference shows it; awsError is the other form that is seen. */
export function invalidBatch(message: string): HttpAnswer {
  const messages = `<Messages><Message>${escapeXml(message)}</Message></Messages>`
  const body = `<?xml version="1.0"?>\n<InvalidChangeBatch ${namespace}>${messages}</InvalidChangeBatch>`
  return { status: 400, headers: { 'content-type': 'text/xml' }, body }
}

function answerTo(zones: Zone[], request: SeenRequest): HttpAnswer {
  if (request.url.hostname.startsWith('sts.')) return assumeRole(request)
  const signed = /^AWS4-HMAC-SHA256 Credential=([A-Z0-9]+)\/\d{8}\/us-east-1\/route53\/aws4_request, .*host/.exec(
    request.headers.authorization ?? '',
  )
  if (signed === null) return awsError(403, 'MissingAuthenticationToken', 'Request is missing an authentication token')
  if (signed[1] !== accountConfig.access_key_id && signed[1] !== 'ASIATEMPORARY')
    return awsError(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.')
  if (signed[1] === 'ASIATEMPORARY' && request.headers['x-amz-security-token'] !== 'temporary')
    return awsError(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.')
  const [, , noun, id, rrset] = request.path.replace(/\/$/, '').split('/')
  if (noun !== 'hostedzone') return awsError(404, 'NoSuchResource', 'not a path of Route 53')
  if (id === undefined) return listZones(zones, request.query.get('marker') ?? undefined)
  const zone = zones.find((other) => other.id === id)
  if (zone === undefined) return awsError(404, 'NoSuchHostedZone', `No hosted zone found with ID: ${id}`)
  if (rrset === undefined) return xml('GetHostedZoneResponse', zoneXml(zone))
  return request.method === 'GET' ? listSets(zone, request.query) : changeSets(zone, request.text())
}

function assumeRole(request: SeenRequest): HttpAnswer {
  const form = new URLSearchParams(request.text())
  if (form.get('RoleArn') !== roleArn || form.get('ExternalId') !== 'external')
    return awsError(
      403,
      'AccessDenied',
      `not authorized to perform: sts:AssumeRole on resource: ${form.get('RoleArn')}`,
    )
  const credentials = `<AccessKeyId>ASIATEMPORARY</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>temporary</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>`
  return xml('AssumeRoleResponse', `<AssumeRoleResult><Credentials>${credentials}</Credentials></AssumeRoleResult>`)
}

const zoneXml = ({ id, name, isPrivate }: Zone): string =>
  `<HostedZone><Id>/hostedzone/${id}</Id><Name>${name}.</Name><CallerReference>r</CallerReference><Config><PrivateZone>${isPrivate}</PrivateZone></Config></HostedZone>`

const pageSize = 2

function listZones(zones: readonly Zone[], marker: string | undefined): HttpAnswer {
  const from = marker === undefined ? 0 : zones.findIndex(({ id }) => id === marker)
  const page = zones.slice(from, from + pageSize)
  const following = zones[from + pageSize]
  const more = following === undefined ? '' : `<NextMarker>${following.id}</NextMarker>`
  const truncated = `<IsTruncated>${following !== undefined}</IsTruncated>${more}<MaxItems>${pageSize}</MaxItems>`
  return xml('ListHostedZonesResponse', `<HostedZones>${page.map(zoneXml).join('')}</HostedZones>${truncated}`)
}

const orderOf = (name: string): string => name.split('.').toReversed().join('.')

function listSets({ sets }: Zone, query: URLSearchParams): HttpAnswer {
  const start = `${orderOf((query.get('name') ?? '').replace(/\.$/, ''))} ${query.get('type')}`
  const sorted = [...sets].map(([key, stored]) => {
    const [name = '', type = ''] = key.split(' ')
    return { order: `${orderOf(name)} ${type}`, name, type, stored }
  })
  const [first] = sorted.filter(({ order }) => order >= start).toSorted((a, b) => (a.order < b.order ? -1 : 1))
  const body = first === undefined ? '' : setXml(first.name, first.type, first.stored)
  return xml(
    'ListResourceRecordSetsResponse',
    `<ResourceRecordSets>${body}</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>1</MaxItems>`,
  )
}

function setXml(name: string, type: string, { ttl, values, routed }: Stored): string {
  const records = values.map((value) => `<ResourceRecord><Value>${escapeXml(value)}</Value></ResourceRecord>`).join('')
  const policy = routed === undefined ? '' : `<SetIdentifier>${routed}</SetIdentifier><Weight>1</Weight>`
  // Route 53 writes what is no letter, digit, hyphen or underscore as an octal escape.
  const shown = name.replace(/[^a-z0-9._-]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`)
  return `<ResourceRecordSet><Name>${shown}.</Name><Type>${type}</Type>${policy}<TTL>${ttl}</TTL><ResourceRecords>${records}</ResourceRecords></ResourceRecordSet>`
}

function changeSets(zone: Zone, body: string): HttpAnswer {
  const copy = new Map(zone.sets)
  for (const change of raw(body, 'Change')) {
    const fault = applyChange(zone, copy, change)
    if (fault !== undefined) return invalidBatch(fault)
  }
  zone.sets.clear()
  for (const [key, stored] of copy) zone.sets.set(key, stored)
  const info = '<Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-11-25T12:00:00Z</SubmittedAt>'
  return xml('ChangeResourceRecordSetsResponse', `<ChangeInfo>${info}</ChangeInfo>`)
}

function applyChange(zone: Zone, sets: Map<string, Stored>, change: string): string | undefined {
  const [action] = inside(change, 'Action')
  const name = (inside(change, 'Name')[0] ?? '').toLowerCase().replace(/\.$/, '')
  const [type = ''] = inside(change, 'Type')
  const wanted: Stored = { ttl: inside(change, 'TTL')[0] ?? '', values: inside(change, 'Value') }
  const what = `resource record set [name='${name}.', type='${type}']`
  if (name !== zone.name && !name.endsWith(`.${zone.name}`))
    return `RRSet with DNS name ${name}. is not permitted in zone ${zone.name}.`
  const strings = wanted.values.flatMap((value) =>
    [...value.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text),
  )
  if (strings.length === 0 || strings.some((text) => text.length > 255 + 20))
    return `Invalid Resource Record: CharacterStringTooLong`
  if (new Set(wanted.values).size !== wanted.values.length) return `Duplicate Resource Record in ${what}`
  const key = `${name} ${type}`
  const found = sets.get(key)
  if (action === 'CREATE') {
    if (sets.has(`${name} CNAME`))
      return `RRSet of type TXT with DNS name ${name}. is not permitted as it conflicts with other records with the same DNS name in zone ${zone.name}.`
    if (found !== undefined) return `Tried to create ${what} but it already exists`
    sets.set(key, wanted)
    return undefined
  }
  if (action !== 'DELETE') return `Unexpected action ${action}`
  if (found === undefined) return `Tried to delete ${what} but it was not found`
  const same = found.ttl === wanted.ttl && [...found.values].sort().join('\n') === [...wanted.values].sort().join('\n')
  if (!same) return `Tried to delete ${what} but the values provided do not match the current values`
  sets.delete(key)
  return undefined
}
