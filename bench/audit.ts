/** Bar 13: what the record adds to an issuance, and how long the whole of it takes to verify, beside hashing as many leaves once. */
import { createHash } from 'node:crypto'
import { type AuditRecord, verifyAudit } from '@certctl/api'
import { systemActor } from '../apps/server/src/access/principal.js'
import { auditRecords } from '../apps/server/src/audit/records.js'
import { auditSigningKey, keyIdOf, verifySignature } from '../apps/server/src/audit/signing-key.js'
import type { Services } from '../apps/server/src/services.js'
import { sha256 } from '../apps/server/src/store/sha256.js'
import { createTestServices } from '../apps/server/test/postgres.js'
import type { Bar } from './harness.js'
import { type BenchPostgres, startBenchPostgres } from './issuance/database.js'
import { type Flow, startFlow } from './issuance/flow.js'

const started: { flows: Flow[]; postgres: BenchPostgres | undefined } = { flows: [], postgres: undefined }
const callers = 64
/** One warm-up and five rounds, and again where the first try falls short. */
const rounds = 12
/** A round goes on until enough CPU was used. */
const wavesARound = 4
const entries = 20_000
const perBatch = 20

export async function bars(): Promise<readonly Bar[]> {
  const postgres = await startBenchPostgres()
  started.postgres = postgres
  const flow = async (name: string, isRecorded: boolean): Promise<Flow> => {
    const stock = rounds * wavesARound * callers
    const made = await startFlow({ address: await postgres.database(name), stock, oneByOne: false, isRecorded })
    started.flows.push(made)
    return made
  }
  const recorded = await flow('recorded', true)
  const silent = await flow('silent', false)
  const issue = (made: Flow, name: string) => ({
    name,
    meter: postgres.meter,
    run: async () => await made.issue(callers),
  })
  const { records, leaves } = await makeRecord()
  return [
    {
      name: 'audit/append',
      title: `CSR to committed issuance, ${callers} callers at once, CPU of server and database together`,
      ours: issue(recorded, 'with its entries of the record'),
      theirs: issue(silent, 'the same without a record'),
      floor: 0.85,
      aim: 0.9,
    },
    {
      name: 'audit/verify',
      title: `a record of ${entries} entries`,
      ours: { name: 'verified whole', run: async () => await verify(records) },
      theirs: {
        name: 'each leaf hashed once',
        run: () => {
          for (const leaf of leaves) createHash('sha256').update(leaf).digest()
        },
      },
      floor: 1 / 3,
      aim: 1 / 2,
    },
  ]
}

export async function close(): Promise<void> {
  for (const made of started.flows.splice(0)) await made.close()
  await started.postgres?.close()
}

async function verify(records: readonly AuditRecord[]): Promise<void> {
  const verdict = await verifyAudit(each(records), { sha256, verifySignature, keyIdOf })
  if (!verdict.ok || verdict.entries !== entries) throw new Error(`not verified: ${JSON.stringify(verdict)}`)
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

/** As a server writes it; read into memory, so that only verifying is measured. */
async function makeRecord(): Promise<{ records: AuditRecord[]; leaves: Buffer[] }> {
  const services = await createTestServices()
  try {
    for (let done = 0; done < entries; done += perBatch) await append(services, done)
    const records: AuditRecord[] = []
    const key = await auditSigningKey(services)
    for await (const found of auditRecords({ tables: services.store, at: services.clock.now(), key }))
      if (found.kind !== 'fault') records.push(found)
    const leaves = records.flatMap((record) =>
      record.kind === 'batch' ? record.entries.map(({ canonical }) => Buffer.from(canonical)) : [],
    )
    return { records, leaves }
  } finally {
    await services.close()
  }
}

async function append({ store }: Services, first: number): Promise<void> {
  await store.transaction(async (tx) => {
    for (let index = first; index < first + perBatch; index++)
      tx.audit.append({
        actor: systemActor,
        action: 'certificate.issued',
        resource_type: 'certificate',
        resource_id: `bench-${index}`,
        details: { serial_number: index.toString(16), fingerprint: `${index}`.padStart(64, '0') },
      })
  })
}
