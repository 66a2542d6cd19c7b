/**
 * Two copies of the server get certificates from a real ACME server, and one of them is killed every 15 seconds: nothing is issued twice,
 * nothing is lost, and what a death leaves behind at the CA is counted. `CERTCTL_ACME_KILL=200` asks for so many certificates instead of 60.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parseCertificate } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect } from '@jest/globals'
import { pebblePrograms } from '../../packages/issuer-acme/test/pebble/processes.js'
import { type AcmeScene, askFor, idOf, isServed, issuerId, persistently, startAcmeScene } from './acme-scene.js'
import { needs } from './harness/needs.js'
import { orphansOf, type PebbleRecord, pebbleRecord } from './harness/pebble-record.js'
import { until } from './harness/until.js'

const certificateCount = Number(process.env.CERTCTL_ACME_KILL ?? 60)
const atOnce = 20
const killEveryMs = 15_000
const fewestKills = 4
/** Slow machines take their time; nothing here is judged by it. */
const limitMs = 1_500_000 + certificateCount * 8000

const names = Array.from({ length: certificateCount }, (_, index) => `c${String(index).padStart(3, '0')}.acme.test`)
/** Nothing answers for these at first, and for the last ones never. */
const lateNames = ['late1.acme.test', 'late2.acme.test', 'late3.acme.test', 'late4.acme.test']
const deadNames = ['dead1.acme.test', 'dead2.acme.test']
const nobodysAddress = '127.0.0.99'

const { skip, test } = needs({ Pebble: pebblePrograms !== undefined })

describe('two copies of the server and an ACME server', () => {
  let scene: AcmeScene
  let kills = 0
  let startedAt = 0
  /** Renewals asked for, by name: also those whose answer was lost. */
  const asked = new Map<string, number>()

  beforeAll(async () => {
    if (!skip) scene = await startAcmeScene()
  }, 600_000)
  afterAll(async () => {
    if (!skip) await scene.stop()
  })

  test(
    'one of them killed every 15 seconds, every holder ends with exactly one current certificate',
    async () => {
      startedAt = performance.now()
      await unprovable(scene)
      const ending = new AbortController()
      const work = workOn(scene, asked, ending.signal)
      const late = proveLate(scene)
      kills = await killSome(scene, work.isAllServed)
      await late
      ending.abort()
      await work.done
      await Promise.all(lateNames.map(async (name) => await isServed(scene, name)))
      await nothingIsStuck(scene)
      await everyHolderHasOne(scene)
    },
    limitMs,
  )

  test('what the CA issued is what is recorded, and a kill leaves at most one order behind', async () => {
    const record = await pebbleRecord(scene.pebble)
    await issuedIsRecorded(scene, record)
    const orphans = orphansOf(record)
    const placed = await ordersPlaced(scene)
    process.stderr.write(
      `acme under kill: ${certificateCount} certificates, ${kills} kills in ${Math.round((performance.now() - startedAt) / 1000)} s, ` +
        `${record.orders.length} orders, ${record.issued.size} certificates issued, ${record.invalid.size} orders failed, ` +
        `${orphans.length} left behind, ${record.replaces.size} replacements\n`,
    )
    expect(orphans.length).toBeLessThanOrEqual(kills)
    expect([...record.issued.keys()].filter((id) => !placed.has(id))).toEqual([])
    const perHolder = await scene.postgres.query<{ id: string; versions: string }>(
      'select certificate_id as id, count(*) as versions from versions group by certificate_id, holder_id',
    )
    const most = new Map([...asked].map(([name, count]) => [idOf(name), 1 + count]))
    expect(perHolder.filter(({ id, versions }) => Number(versions) > (most.get(id) ?? 1))).toEqual([])
  })

  test('a name that cannot be proven is tried again with growing pauses, by a new order each time', async () => {
    const rows = await scene.postgres.query<{ id: string; orders: string; open: string }>(
      `select c.id, (select count(*) from orders o where o.certificate_id = c.id and o.vendor_order_id is not null) as orders,
         (select count(*) from jobs j where j.certificate_id = c.id and j.kind = 'issue' and j.state not in ('done', 'cancelled')) as open
       from certificates c where c.id = any($1)`,
      [[...deadNames, ...lateNames].map(idOf)],
    )
    expect(rows).toHaveLength(deadNames.length + lateNames.length)
    // After the rows were read, since everything may stand still in between.
    const minutes = (performance.now() - startedAt) / 60_000
    // A minute, then two, four, … each up to a tenth shorter.
    const most = 1 + Math.floor(Math.log2(1 + minutes / 0.9))
    for (const { id, orders, open } of rows) {
      expect({ id, orders: Number(orders), fits: Number(orders) <= most }).toMatchObject({ fits: true })
      expect(Number(orders)).toBeGreaterThanOrEqual(id.startsWith('late') ? 2 : 1)
      expect(Number(open)).toBeLessThanOrEqual(1)
    }
    await until('the CA said of both why', 600, async () => {
      const waiting = await scene.postgres.query<{ blocked_code: string | null; last_error: string }>(
        'select blocked_code, last_error from holders where certificate_id = any($1)',
        [dead],
      )
      expect(waiting).toHaveLength(dead.length)
      for (const { blocked_code, last_error } of waiting) {
        expect(blocked_code).toBeNull()
        expect(last_error).toMatch(/dead\d\.acme\.test: http-01 connection: /)
      }
      return true
    })
  }, 900_000)

  test('the record holds: every version is in it, and no link is broken', async () => {
    const { body: verdict } = await scene.plane.api.verifyAudit({ body: {} })
    expect(verdict).toMatchObject({ ok: true })
    const missing = await scene.postgres.query(
      `select v.id from versions v where v.standing <> 'lost' and not exists (
         select from audit_events e where e.resource_id = v.certificate_id and e.action in ('certificate.issued', 'certificate.renewed')
           and e.canonical like '%' || v.fingerprint || '%')`,
    )
    expect(missing).toEqual([])
    expect(scene.agents.flatMap(({ seen }) => seen.wrong)).toEqual([])
  })

  test('a certificate that the CA wants renewed is renewed soon, by an order that replaces it', async () => {
    const name = await findable(scene)
    await saidWhen(scene, name)
    const before = scene.standings.get(idOf(name))?.version ?? null
    const [row] = await scene.postgres.query<{ vendor_order_id: string; der: Buffer }>(
      `select o.vendor_order_id, d.der from versions v join orders o on o.id = v.order_id
         join version_ders d on d.version_id = v.id where v.id = $1`,
      [before],
    )
    if (row === undefined) throw new Error(`${name} has no version`)
    const hour = 3_600_000
    const start = new Date(Date.now() - 2 * hour)
    const ariResponse = JSON.stringify({
      suggestedWindow: { start, end: new Date(start.getTime() + hour) },
      explanationURL: 'https://ca.example.test/incident',
    })
    await scene.pebble.setRenewalInfo(parseCertificate(row.der).pem, ariResponse)
    // The CA said to ask again in six hours: they are over.
    await scene.postgres.query('update holders set renewal_info_at = now() where certificate_id = $1', [idOf(name)])
    await isServed(scene, name, before)
    const [renewed] = await scene.postgres.query<{ vendor_order_id: string }>(
      'select o.vendor_order_id from versions v join orders o on o.id = v.order_id where v.id = $1',
      [scene.standings.get(idOf(name))?.version],
    )
    const { replaces } = await pebbleRecord(scene.pebble)
    expect(replaces.get(idIn(renewed?.vendor_order_id))).toBe(idIn(row.vendor_order_id))
    const moved = await scene.postgres.query<{ canonical: string }>(
      "select canonical from audit_events where action = 'certificate.renewal_moved' and resource_id = $1",
      [idOf(name)],
    )
    expect(moved.map(({ canonical }) => canonical)).toContainEqual(
      expect.stringContaining('https://ca.example.test/incident'),
    )
  }, 900_000)
})

/** A copy that was killed while it asked leaves that to be asked again minutes later: what is moved is what was said before. */
async function saidWhen({ postgres }: AcmeScene, name: string): Promise<void> {
  const open = 'where certificate_id = $1 and closed_at is null and renewal_window_start is null'
  await postgres.query(`update holders set renewal_info_at = now() ${open}`, [idOf(name)])
  await until(`the CA has said when it wants ${name} renewed`, 300, async () => {
    const unsaid = await postgres.query(`select id from holders ${open}`, [idOf(name)])
    return unsaid.length === 0 ? true : undefined
  })
}

async function unprovable(scene: AcmeScene): Promise<void> {
  for (const host of [...lateNames, ...deadNames])
    await scene.pebble.tell('/add-a', { host, addresses: [nobodysAddress] })
  await Promise.all([...lateNames, ...deadNames].map(async (name) => await askFor(scene, name)))
}

/** So many at once: each certificate is waited for before the next is asked for; when all are there, they are renewed until the end. */
function workOn(scene: AcmeScene, asked: Map<string, number>, ending: AbortSignal) {
  const waiting = [...names]
  const served: string[] = []
  const first = new Set<string>()
  const lane = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      asked.set(name, 0)
      await askFor(scene, name)
      await isServed(scene, name)
      first.add(name)
      served.push(name)
    }
    for (let name = served.shift(); name !== undefined && !ending.aborted; name = served.shift()) {
      await renew(scene, asked, name)
      served.push(name)
    }
  }
  const done = Promise.all(Array.from({ length: atOnce }, lane))
  return { done, isAllServed: () => first.size === names.length }
}

async function renew(scene: AcmeScene, asked: Map<string, number>, name: string): Promise<void> {
  const before = scene.standings.get(idOf(name))?.version ?? null
  await persistently(async () => {
    asked.set(name, (asked.get(name) ?? 0) + 1)
    await scene.plane.api.renewCertificate({ params: { id: idOf(name) }, query: {}, body: {} })
  })
  await isServed(scene, name, before)
}

/** Something answers for the late names as soon as the CA has refused each of them once. */
async function proveLate(scene: AcmeScene): Promise<void> {
  await until('each late name was refused', 600, async () => {
    const refused = await scene.postgres.query<{ id: string }>(
      "select distinct certificate_id as id from orders where certificate_id = any($1) and state = 'invalid'",
      [lateNames.map(idOf)],
    )
    return refused.length === lateNames.length ? true : undefined
  })
  for (const host of lateNames) await scene.pebble.tell('/clear-a', { host })
}

/** One copy after the other, until all is served and enough were killed. Returns how many. */
async function killSome({ plane }: AcmeScene, isAllServed: () => boolean): Promise<number> {
  let kills = 0
  let pause = delay(killEveryMs)
  while (kills < fewestKills || !isAllServed()) {
    await pause
    // Until the next time, which waits for this one's restart: one of the two always lives.
    pause = delay(killEveryMs)
    const copy = plane.copies[kills % plane.copies.length]
    if (copy === undefined) throw new Error('there is no copy')
    await copy.running.kill9()
    kills += 1
    await delay(2000)
    await copy.restart()
    // On a slow machine the restart takes all of that time: both live for a while all the same.
    await delay(3000)
  }
  return kills
}

const dead = deadNames.map(idOf)

async function nothingIsStuck({ postgres }: AcmeScene): Promise<void> {
  await until('every job is settled', 600, async () => {
    const open = await postgres.query<{ id: string }>(
      `select id, kind, state, certificate_id, last_error from jobs
       where state not in ('done', 'cancelled') and kind <> 'verify' and not (certificate_id = any($1)) limit 5`,
      [dead],
    )
    if (open.length === 0) return true
    throw new Error(`open: ${JSON.stringify(open)}`)
  })
}

async function everyHolderHasOne({ postgres, agents }: AcmeScene): Promise<void> {
  const rows = await postgres.query<{ id: string; holders: string; current: string }>(
    `select c.id, count(distinct h.id) as holders, count(v.id) as current from certificates c
     left join holders h on h.certificate_id = c.id and h.closed_at is null
     left join versions v on v.holder_id = h.id and v.standing = 'current' group by c.id order by c.id`,
  )
  const expected = [...names, ...lateNames].map((name) => ({ id: idOf(name), holders: '1', current: '1' }))
  const none = dead.map((id) => ({ id, holders: '1', current: '0' }))
  expect(rows).toEqual([...expected, ...none].sort((a, b) => (a.id < b.id ? -1 : 1)))
  const desired = await postgres.query<{ place: string; fingerprint: string }>(
    `select p.target_id || ' ' || p.certificate_id as place, v.fingerprint
     from placements p join versions v on v.id = p.desired_version_id`,
  )
  const served = new Map(agents.flatMap(({ seen }) => [...seen.served]))
  expect(desired.filter(({ place, fingerprint }) => served.get(place) !== fingerprint)).toEqual([])
}

/** Serial by serial; what only a lost answer left is there as lost. */
async function issuedIsRecorded({ postgres }: AcmeScene, { issued }: PebbleRecord): Promise<void> {
  const versions = await postgres.query<{ serial_number: string }>(
    'select serial_number from versions where issuer_id = $1',
    [issuerId],
  )
  const plain = (serial: string) => serial.toLowerCase().replace(/^0+/, '')
  const recorded = versions.map(({ serial_number }) => plain(serial_number)).sort()
  expect(recorded).toEqual([...issued.values()].map(plain).sort())
}

/** Pebble 2.10.1 takes the serial number of a certificate ID with the zero octet that DER puts before a high bit, and finds none of those. */
async function findable({ postgres, standings }: AcmeScene): Promise<string> {
  for (const name of names) {
    const [row] = await postgres.query<{ der: Buffer }>('select der from version_ders where version_id = $1', [
      standings.get(idOf(name))?.version,
    ])
    if (row !== undefined && Number.parseInt(parseCertificate(row.der).serialNumber.slice(0, 2), 16) < 0x80) return name
  }
  throw new Error('there is no certificate that Pebble would find again')
}

async function ordersPlaced({ postgres }: AcmeScene): Promise<Set<string>> {
  const rows = await postgres.query<{ vendor_order_id: string }>(
    'select vendor_order_id from orders where vendor_order_id is not null',
  )
  return new Set(rows.map(({ vendor_order_id }) => idIn(vendor_order_id)))
}

function idIn(url = ''): string {
  return url.slice(url.lastIndexOf('/') + 1)
}
