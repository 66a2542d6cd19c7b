/** What happens next, in order of virtual time; things of one moment in the order in which they were written down. */
export interface Agenda {
  /** Virtual milliseconds since 1970. */
  now(): number
  at(ms: number, action: () => Promise<void> | void): void
  after(seconds: number, action: () => Promise<void> | void): void
  /** Nothing more happens. */
  stop(): void
  /** Goes from one thing to the next until this moment; each ends before the next begins. Rejects with what the first failing one threw. */
  runUntil(ms: number): Promise<void>
}

interface Entry {
  ms: number
  order: number
  action: () => Promise<void> | void
}

export function createAgenda(startMs: number): Agenda {
  const heap: Entry[] = []
  let now = startMs
  let order = 0
  let stopped = false
  const at: Agenda['at'] = (ms, action) => push(heap, { ms: Math.max(Math.round(ms), now), order: order++, action })
  return {
    now: () => now,
    at,
    after: (seconds, action) => at(now + seconds * 1000, action),
    stop() {
      stopped = true
    },
    async runUntil(ms) {
      for (let next = heap[0]; next !== undefined && next.ms <= ms && !stopped; next = heap[0]) {
        pop(heap)
        now = next.ms
        await next.action()
      }
      if (!stopped) now = Math.max(now, ms)
    },
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.ms < b.ms || (a.ms === b.ms && a.order < b.order)

function push(heap: Entry[], entry: Entry): void {
  let index = heap.push(entry) - 1
  while (index > 0) {
    const parent = (index - 1) >> 1
    const above = heap[parent] as Entry
    if (!isBefore(entry, above)) break
    heap[index] = above
    index = parent
  }
  heap[index] = entry
}

function pop(heap: Entry[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let index = 0
  for (;;) {
    const child = smallerChild(heap, index)
    const below = heap[child]
    if (below === undefined || !isBefore(below, last)) break
    heap[index] = below
    index = child
  }
  heap[index] = last
}

function smallerChild(heap: readonly Entry[], index: number): number {
  const left = 2 * index + 1
  const [a, b] = [heap[left], heap[left + 1]]
  return a !== undefined && b !== undefined && isBefore(b, a) ? left + 1 : left
}
