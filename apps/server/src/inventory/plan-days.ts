import { beatsWindow } from '../lifecycle/placement/window-of.js'

/** How a holder is renewed: in milliseconds. */
export interface Course {
  first: number
  /** From one renewal to the next. */
  interval: number
  /** What each version but the one of today has left when it is renewed. */
  left: number
  /** When the version of today ends, where there is one. */
  endsAt: number | undefined
}

/** The days that are looked at: from midnight until the last moment. */
export interface Span {
  start: number
  end: number
}

export interface OnDay {
  /** Counted from the first. */
  day: number
  times: number
}

const dayMs = 86_400_000
const hourMs = 3_600_000

export function dayOf(at: number, { start }: Span): number {
  return Math.floor((at - start) / dayMs)
}

/** Every renewal from the first one on until the end, those of one day together. */
export function onDays({ first, interval }: Pick<Course, 'first' | 'interval'>, span: Span): OnDay[] {
  const found: OnDay[] = []
  for (let at = first; at < span.end; ) {
    const day = dayOf(at, span)
    const left = Math.min(span.start + (day + 1) * dayMs, span.end) - at
    const times = interval >= left ? 1 : Math.ceil(left / interval)
    found.push({ day, times })
    at += times * interval
  }
  return found
}

export interface WindowedCourse extends Course {
  /** When its window opens, where a deployment waits already. */
  waitsUntil: number | undefined
  opensAt: (at: number) => number | undefined
}

/** What these renewals change at a target with maintenance windows, on the days on which it is changed. One deployment waits for a window, with the newest version. */
export function deploymentsOf(course: WindowedCourse, span: Span): OnDay[] {
  const { first, interval, left, waitsUntil = first, opensAt } = course
  const found: OnDay[] = []
  const after = (at: number, from: number) => from + Math.max(1, Math.ceil((at - from) / interval)) * interval
  let endsAt = course.endsAt
  for (let at = waitsUntil > first ? after(waitsUntil, first) : first; at < span.end; ) {
    if (at > first) endsAt = at + left
    const opens = opensAt(at) ?? at
    if (opens > at && !beatsWindow(servedUntil(endsAt), new Date(opens))) {
      if (opens < span.end) found.push({ day: dayOf(opens, span), times: 1 })
      at = after(opens, at)
      continue
    }
    // The ones that follow within the hour, or end before that window as well, are not asked about each.
    const alike = opens > at ? (opens - left - at) / interval + 1 : hourMs / interval
    const next = at + Math.max(1, Math.floor(alike)) * interval
    found.push(...onDays({ first: at, interval }, { ...span, end: Math.min(next, span.end) }))
    at = next
  }
  return found
}

/** A version in good standing, as windows are judged by. */
export function servedUntil(endsAt: Date | number | undefined): Parameters<typeof beatsWindow>[0] {
  return endsAt === undefined ? undefined : { not_after: new Date(endsAt), revoked_at: null, revocation_reason: null }
}
