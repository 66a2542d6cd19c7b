import { jobReportSchema } from '@certctl/api'
import type { JsonValue, Logger, StateStore } from '@certctl/core'
import { messageOf, z } from '@certctl/core'

const time = z.iso.datetime()

const certificateSchema = z.object({
  certificate_pem: z.string(),
  chain_pem: z.string(),
  fingerprint: z.string(),
  spki_sha256: z.string(),
})

/** What this agent last deployed at one place, with everything it takes to do so again while the server is away. */
const placementSchema = certificateSchema.extend({
  target_id: z.string(),
  target_type: z.string(),
  target_config: z.record(z.string(), z.unknown()),
  certificate_id: z.string(),
  names: z.array(z.object({ type: z.enum(['dns', 'ip', 'email', 'uri']), value: z.string() })),
  certificate_generation: z.number(),
  target_generation: z.number(),
  confirmed: z.enum(['served', 'later', 'unverifiable']),
  deployed_at: time,
  /** What earlier deployments left has been removed. */
  cleaned_up: z.boolean(),
  previous: certificateSchema.optional(),
})
export type PlacementRecord = z.output<typeof placementSchema>

/** The CSR made for one job: asked again, the same is answered. */
const csrSchema = z.object({
  job_id: z.string(),
  certificate_id: z.string(),
  spki_sha256: z.string(),
  csr_pem: z.string(),
  /** What the CSR was made from; another question needs another one. */
  asked: z.string(),
  made_at: time,
})
export type CsrRecord = z.output<typeof csrSchema>

const reportSchema = z.object({ job_id: z.string(), report: jobReportSchema })
export type ReportRecord = z.output<typeof reportSchema>

/** Since when the server has not listed a key any more; `listed` says that it once did. */
const keySchema = z.object({
  spki_sha256: z.string(),
  certificate_id: z.string(),
  listed: z.boolean(),
  unlisted_since: time.optional(),
})
export type KeyRecord = z.output<typeof keySchema>

/** An answer to a CA's challenge that this host gives. */
const challengeSchema = z.object({
  kind: z.enum(['http-01', 'tls-alpn-01']),
  name: z.string(),
  port: z.number(),
  token: z.string().optional(),
  key_authorization: z.string(),
  expires_at: time,
})
export type ChallengeRecord = z.output<typeof challengeSchema>

/** A kind of record, kept under `<kind>/<its own key>`. */
export interface Records<R> {
  get(key: string): Promise<R | undefined>
  put(key: string, record: R): Promise<void>
  drop(key: string): Promise<void>
  all(): Promise<readonly R[]>
}

/** What the agent must not forget when it is killed. Sealed at rest, each record written whole. */
export interface Journal {
  placements: Records<PlacementRecord>
  csrs: Records<CsrRecord>
  reports: Records<ReportRecord>
  keys: Records<KeyRecord>
  challenges: Records<ChallengeRecord>
}

/** A record that cannot be understood is dropped with a warning: the server's next answers bring it back. */
export function createJournal(state: StateStore, log: Logger): Journal {
  const records = <R>(kind: string, schema: z.ZodType<R>) => createRecords({ state, log, kind, schema })
  return {
    placements: records('placement', placementSchema),
    csrs: records('csr', csrSchema),
    reports: records('report', reportSchema),
    keys: records('key', keySchema),
    challenges: records('challenge', challengeSchema),
  }
}

export function placementKey(place: { target_id: string; certificate_id: string }): string {
  return `${place.target_id}/${place.certificate_id}`
}

interface Kind<R> {
  state: StateStore
  log: Logger
  kind: string
  schema: z.ZodType<R>
}

function createRecords<R>({ state, log, kind, schema }: Kind<R>): Records<R> {
  const read = async (key: string, value: JsonValue): Promise<R | undefined> => {
    const parsed = schema.safeParse(value)
    if (parsed.success) return parsed.data
    log.warn('a record of the journal cannot be understood and is dropped', {
      key,
      reason: z.prettifyError(parsed.error),
    })
    await state.delete(key)
    return undefined
  }
  return {
    async get(key) {
      const stored = await state.get(`${kind}/${key}`)
      return stored === undefined ? undefined : await read(stored.key, stored.value)
    },
    async put(key, record) {
      await state.put(`${kind}/${key}`, jsonOf(record))
    },
    drop: (key) => state.delete(`${kind}/${key}`),
    async all() {
      const found: R[] = []
      for await (const stored of state.list(`${kind}/`)) {
        const record = await read(stored.key, stored.value)
        if (record !== undefined) found.push(record)
      }
      return found
    },
  }
}

function jsonOf(record: unknown): JsonValue {
  return z.json().parse(JSON.parse(JSON.stringify(record)))
}

/** Why a thing went wrong, for a log line. */
export function reasonOf(error: unknown): { reason: string } {
  return { reason: messageOf(error) }
}
