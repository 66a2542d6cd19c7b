import type { Looks } from '../looks.js'
import type { Subject } from '../subject.js'
import { firstVisits } from './first-visits.js'
import { followFrom, type Trail } from './redirect-trail.js'

/** For http-01: the way from each address that answers. */
export async function trailsOf(looks: Looks, subject: Subject): Promise<Trail[]> {
  const { asked, method } = subject
  if (method !== 'http-01' || asked.kind === 'malformed') return []
  const answering = (await firstVisits(looks, subject)).filter(({ look }) => look.state === 'answered')
  return await Promise.all(answering.map(async ({ address }) => await followFrom(looks, asked.name, address)))
}
