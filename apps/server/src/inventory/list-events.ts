import type { Services } from '../services.js'
import type { EventFilter, EventRow } from '../store/events.js'
import type { Page, PageRequest } from '../store/page.js'

/** What happened, newest first. */
export async function listEvents(
  { store }: Pick<Services, 'store'>,
  filter: EventFilter,
  request: PageRequest,
): Promise<Page<EventRow>> {
  return await store.events.page(filter, request)
}
