import { nextOpening, type WindowRule } from '../lifecycle/placement/next-window.js'

/** When a change at `at` or later may begin at a target: at once where it has no windows or one is open, `undefined` where none ever opens. */
export type Openings = (targetId: string, at: number) => number | undefined

/** For very many questions: targets with the same windows share what was found, and each window is found about once. */
export function createOpenings(windows: ReadonlyMap<string, readonly WindowRule[]>): Openings {
  const byRules = new Map<string, (at: number) => number | undefined>()
  const byTarget = new Map<string, (at: number) => number | undefined>()
  for (const [targetId, rules] of windows) {
    if (rules.length === 0) continue
    const key = JSON.stringify(rules)
    const openings = byRules.get(key) ?? openingsOf(rules)
    byRules.set(key, openings)
    byTarget.set(targetId, openings)
  }
  return (targetId, at) => {
    const openings = byTarget.get(targetId)
    return openings === undefined ? at : openings(at)
  }
}

/** Nothing is open from `from` until it opens. */
interface Known {
  from: number
  opensAt: number
  closesAt: number
}

function openingsOf(rules: readonly WindowRule[]): (at: number) => number | undefined {
  // One that lies within another is never the first to open: in which order they open, they close.
  const known: Known[] = []
  let noneFrom = Number.POSITIVE_INFINITY
  const lookUp = (at: number, place: number): Known | undefined => {
    const found = nextOpening(rules, new Date(at))
    if (found === undefined) return undefined
    const from = Math.min(at, found.opensAt)
    const next = known[place]
    if (next?.opensAt === found.opensAt && next.closesAt === found.closesAt) next.from = Math.min(next.from, from)
    else known.splice(place, 0, { ...found, from })
    return known[place]
  }
  return (at) => {
    if (at >= noneFrom) return undefined
    const place = placeOf(known, at)
    const next = known[place]
    const opening = next !== undefined && next.from <= at ? next : lookUp(at, place)
    if (opening === undefined) noneFrom = at
    return opening === undefined ? undefined : Math.max(opening.opensAt, at)
  }
}

/** Of the first that closes after `at`. */
function placeOf(known: readonly Known[], at: number): number {
  let low = 0
  let high = known.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((known[middle]?.closesAt ?? 0) > at) high = middle
    else low = middle + 1
  }
  return low
}
