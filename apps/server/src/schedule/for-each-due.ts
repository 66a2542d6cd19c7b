import { messageOf } from '@certctl/core'
import type { Services } from '../services.js'

const batchSize = 200

export interface DueWork<Item> {
  /** For the log: what is done. */
  what: string
  /** The next ones after this place, in order; none: that was all. */
  list(page: { after: string; limit: number }): Promise<readonly Item[]>
  idOf(item: Item): string
  /** Where in the order it stands; by its id where not given. */
  placeOf?(item: Item): string
  work(item: Item): Promise<void>
  signal: AbortSignal
}

/** Goes through what is due in batches, each thing in its own attempt: one that fails is logged and met again at the next run. */
export async function forEachDue<Item>(services: Pick<Services, 'log'>, due: DueWork<Item>): Promise<void> {
  let after = ''
  while (!due.signal.aborted) {
    const batch = await due.list({ after, limit: batchSize })
    for (const item of batch) {
      if (due.signal.aborted) return
      await attempt(services, due, item)
    }
    const last = batch.at(-1)
    if (last === undefined || batch.length < batchSize) return
    after = due.placeOf?.(last) ?? due.idOf(last)
  }
}

async function attempt<Item>({ log }: Pick<Services, 'log'>, due: DueWork<Item>, item: Item): Promise<void> {
  try {
    await due.work(item)
  } catch (error) {
    log.error(
      { what: due.what, id: due.idOf(item), reason: messageOf(error) },
      'it failed and is tried again at the next run',
    )
  }
}
