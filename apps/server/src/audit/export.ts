import { ReadableStream, TransformStream } from 'node:stream/web'
import type { Services } from '../services.js'
import { auditRecords, type Found } from './records.js'
import { auditSigningKey } from './signing-key.js'

/** JSON lines of one state of the whole record, made as they are read. `verifyExport` of @certctl/api checks them anywhere. */
export async function* exportAudit(services: Services): AsyncGenerator<string> {
  const key = await auditSigningKey(services)
  const at = services.clock.now()
  const { readable, writable } = new TransformStream<string, string>()
  const writing = services.store.snapshot(
    async (tables) => await ReadableStream.from(linesOf(auditRecords({ tables, at, key }))).pipeTo(writable),
  )
  // Whoever reads hears of a failure through the stream, or has gone away.
  writing.catch(async (error: unknown) => await writable.abort(error).catch(() => undefined))
  yield* readable
  await writing
}

/** What is wrong with rows beside the export's content is for `verifyRecord`. */
async function* linesOf(found: AsyncIterable<Found>): AsyncGenerator<string> {
  for await (const record of found) if (record.kind !== 'fault') yield `${JSON.stringify(record)}\n`
}
