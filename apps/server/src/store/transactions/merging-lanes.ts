import { CompiledQuery, type QueryResult } from 'kysely'
import { type Mergeable, mergeableOf } from '../mergeable.js'
import { asRows } from '../row-writes.js'

type Answer = QueryResult<unknown>
type Execute = (query: CompiledQuery) => Promise<Answer>

/** What is told to the one it concerns. */
export interface Faults {
  /** Its statement failed, and the transaction with it. */
  failed(): void
  /** A row that it wants to lock is held by somebody else, or is not there. The transaction goes on. */
  absent(): void
}

export interface MergingOptions {
  /** Told when a statement fails that several have asked. Where each may ask again alone, nobody need be told. */
  onShared: ((error: unknown) => void) | 'each asks again'
  /** When a moment is over. Not given: when everything has been done that could be without waiting. */
  soon?: ((flush: () => void) => unknown) | undefined
}

interface Asked {
  query: CompiledQuery
  how: Mergeable | undefined
  faults: Faults
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/**
 * Lets several work on one connection side by side. What each of them asks is done in the order it asked; statements of different ones that
 * may be merged, and are asked in the same moment, are sent as one.
 */
export function createMergingLanes(
  execute: Execute,
  { onShared, soon = process.nextTick }: MergingOptions,
): (faults: Faults) => Execute {
  const waiting = new Set<Asked[]>()
  const flush = (): void => {
    while (waiting.size > 0) {
      const heads = [...waiting].map((lane) => lane.shift() as Asked)
      for (const lane of waiting) if (lane.length === 0) waiting.delete(lane)
      for (const group of grouped(heads)) void send(group, { execute, onShared })
    }
  }
  return (faults) => {
    const lane: Asked[] = []
    return (query) => {
      const how = mergeableOf(query.sql)
      return new Promise((resolve, reject) => {
        const asked = { query, how, faults, resolve, reject }
        if (how === undefined && lane.length === 0) return void send([asked], { execute, onShared })
        if (waiting.size === 0) soon(flush)
        lane.push(asked)
        waiting.add(lane)
      })
    }
  }
}

/** Those that may be merged with one another, in the order in which the first of each was asked. */
function grouped(heads: readonly Asked[]): Asked[][] {
  const groups: Asked[][] = []
  const open = new Map<string, { group: Asked[]; changed: Set<unknown> }>()
  for (const asked of heads) {
    const row = rowChangedBy(asked)
    const found = asked.how === undefined ? undefined : open.get(asked.query.sql)
    if (found !== undefined && !found.changed.has(row)) {
      found.group.push(asked)
      if (row !== undefined) found.changed.add(row)
      continue
    }
    const group = [asked]
    groups.push(group)
    if (asked.how !== undefined) open.set(asked.query.sql, { group, changed: new Set(row === undefined ? [] : [row]) })
  }
  return groups
}

/** One statement changes a row once. */
function rowChangedBy({ query, how }: Asked): unknown {
  return how?.kind === 'write' ? keyOfWrite(query, how) : undefined
}

type Sending = Pick<MergingOptions, 'onShared'> & { execute: Execute }

async function send(group: readonly Asked[], { execute, onShared }: Sending): Promise<void> {
  const [first] = group
  if (first === undefined) return
  try {
    const { how } = first
    if (how === undefined || group.length === 1) return first.resolve(await execute(first.query))
    deliver(group, how, await execute(mergedOf(group, how)))
  } catch (error) {
    if (group.length > 1 && onShared === 'each asks again')
      return void (await Promise.all(group.map(async (asked) => await send([asked], { execute, onShared }))))
    if (group.length === 1) first.faults.failed()
    else if (onShared !== 'each asks again') onShared(error)
    for (const { reject } of group) reject(error)
  }
}

function mergedOf(group: readonly Asked[], how: Mergeable): CompiledQuery {
  const text = group[0]?.query.sql ?? ''
  if (how.kind === 'same') return CompiledQuery.raw(text)
  if (how.kind === 'write') {
    const rows = group.map(({ query }) => query.parameters)
    return CompiledQuery.raw(how.ofMany, [asRows(how.columns, rows)])
  }
  const keys = [...new Set(group.flatMap(({ query }) => query.parameters[0] as readonly string[]))]
  return CompiledQuery.raw(how.kind === 'lock' ? `${text} skip locked` : text, [keys])
}

type Write = Extract<Mergeable, { kind: 'write' }>

function keyOfWrite({ parameters }: CompiledQuery, { columns, key }: Write): unknown {
  return joined(key.map((column) => parameters[columns.indexOf(column)]))
}

function joined(parts: readonly unknown[]): unknown {
  return parts.length === 1 ? parts[0] : JSON.stringify(parts)
}

type Row = Readonly<Record<string, unknown>>

/** The rows of an answer that are those of keys, in its order. */
function rowsByKeys({ rows }: Answer, columns: readonly string[]): (keys: readonly unknown[]) => readonly unknown[] {
  const of = new Map<unknown, unknown[]>()
  const keyOf = (row: unknown): unknown => joined(columns.map((column) => (row as Row)[column]))
  for (const row of rows) {
    const key = keyOf(row)
    const same = of.get(key)
    if (same === undefined) of.set(key, [row])
    else same.push(row)
  }
  return (keys) => (keys.length === 1 ? (of.get(keys[0]) ?? []) : rows.filter((row) => keys.includes(keyOf(row))))
}

function deliver(group: readonly Asked[], how: Mergeable, answer: Answer): void {
  if (how.kind === 'same') {
    for (const { resolve } of group) resolve(answer)
    return
  }
  if (how.kind === 'write') {
    const rowsOf = rowsByKeys(answer, how.key)
    for (const { query, resolve } of group) resolve({ rows: [...rowsOf([keyOfWrite(query, how)])] })
    return
  }
  const rowsOf = rowsByKeys(answer, [how.column])
  for (const asked of group) {
    const keys = asked.query.parameters[0] as readonly unknown[]
    const rows = [...rowsOf(keys)]
    if (how.kind === 'lock' && rows.length < keys.length) refuse(asked)
    else asked.resolve({ rows })
  }
}

/** Somebody else holds its row, or it is not there: whoever asked finds out alone, and keeps nobody waiting. */
function refuse({ query, faults, reject }: Asked): void {
  faults.absent()
  reject(new Error(`A row is locked, or is not there: ${query.sql}`))
}
