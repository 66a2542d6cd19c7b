import { CertctlError } from '@certctl/core'

/** What a pattern is made of. */
export type PatternNode =
  | { kind: 'char'; accepts(code: number): boolean }
  | { kind: 'begin' }
  | { kind: 'end' }
  | { kind: 'sequence'; parts: readonly PatternNode[] }
  | { kind: 'either'; parts: readonly PatternNode[] }
  | { kind: 'repeat'; part: PatternNode; least: number; most: number | undefined }

interface Cursor {
  readonly text: string
  readonly ignoreCase: boolean
  at: number
  depth: number
}

type Range = readonly [from: number, to: number]

const longest = 512
const deepest = 20
const mostTimes = 64
const digits: readonly Range[] = [[48, 57]]
const letters: readonly Range[] = [...digits, [65, 90], [95, 95], [97, 122]]
const spaces: readonly Range[] = [
  [9, 13],
  [32, 32],
]
const classes: Readonly<Record<string, readonly Range[]>> = { d: digits, w: letters, s: spaces }

/**
 * Reads a pattern: literals, `.`, classes (`[a-z0-9-]`, `\d`, `\w`), groups, `|`, `* + ? {n,m}`, `^` and `$`. One that begins with `*.`
 * is a wildcard instead: one label, and the rest as it stands. Throws `request_malformed`, naming the position from 1.
 */
export function parsePattern(text: string, { ignoreCase }: { ignoreCase: boolean }): PatternNode {
  const cursor: Cursor = { text, ignoreCase, at: 0, depth: 0 }
  if (text === '') throw fault(cursor, 'is empty; leave it out to allow everything')
  if (text.length > longest) throw fault(cursor, `has more than ${longest} characters`)
  if (text.startsWith('*.')) return wildcard(cursor)
  const node = readEither(cursor)
  if (cursor.at < text.length) throw fault(cursor, 'closes a group that was not opened')
  return node
}

function wildcard(cursor: Cursor): PatternNode {
  const { text, ignoreCase } = cursor
  const rest = text.slice(1)
  const stranger = [...rest].findIndex((character) => !/[\p{L}\p{N}._:/-]/u.test(character))
  if (stranger >= 0) {
    cursor.at = stranger + 1
    throw fault(cursor, 'is no part of a name; a pattern that begins with *. is one label and then a plain name')
  }
  const label: PatternNode = { kind: 'char', accepts: (code) => code !== 46 }
  return {
    kind: 'sequence',
    parts: [
      { kind: 'repeat', part: label, least: 1, most: undefined },
      ...[...rest].map((character) => literal(character.charCodeAt(0), ignoreCase)),
    ],
  }
}

function readEither(cursor: Cursor): PatternNode {
  const parts = [readSequence(cursor)]
  while (cursor.text[cursor.at] === '|') {
    cursor.at++
    parts.push(readSequence(cursor))
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'either', parts }
}

function readSequence(cursor: Cursor): PatternNode {
  const parts: PatternNode[] = []
  for (;;) {
    const character = cursor.text[cursor.at]
    if (character === undefined || character === '|' || character === ')') return { kind: 'sequence', parts }
    parts.push(readRepeat(cursor))
  }
}

function readRepeat(cursor: Cursor): PatternNode {
  const start = cursor.at
  const part = readAtom(cursor)
  const times = readTimes(cursor)
  if (times === undefined) return part
  if (part.kind === 'begin' || part.kind === 'end') {
    cursor.at = start
    throw fault(cursor, 'is an anchor, which cannot be repeated')
  }
  if (readTimes(cursor) !== undefined) {
    cursor.at--
    throw fault(cursor, 'repeats what is repeated already; put it into a group')
  }
  return { kind: 'repeat', part, ...times }
}

function readTimes(cursor: Cursor): { least: number; most: number | undefined } | undefined {
  const character = cursor.text[cursor.at]
  if (character === '{') return readCounts(cursor)
  const times = { '*': { least: 0, most: undefined }, '+': { least: 1, most: undefined }, '?': { least: 0, most: 1 } }
  if (character !== '*' && character !== '+' && character !== '?') return undefined
  cursor.at++
  return times[character]
}

function readCounts(cursor: Cursor): { least: number; most: number | undefined } {
  const found = /^\{(\d{1,4})(?:(,)(\d{0,4}))?\}/.exec(cursor.text.slice(cursor.at))
  if (found === null) throw fault(cursor, 'is no count; write {2}, {2,} or {2,5}, or \\{ for the character')
  const least = Number(found[1])
  const most = found[2] === undefined ? least : found[3] === '' ? undefined : Number(found[3])
  if (least > mostTimes || (most ?? 0) > mostTimes) throw fault(cursor, `repeats more than ${mostTimes} times`)
  if (most !== undefined && most < least) throw fault(cursor, 'has its bounds the wrong way round')
  cursor.at += found[0].length
  return { least, most }
}

function readAtom(cursor: Cursor): PatternNode {
  const character = cursor.text[cursor.at] ?? ''
  if (character === '(') return readGroup(cursor)
  if (character === '[') return readClass(cursor)
  if (character === '\\') return readEscape(cursor)
  if ('*+?{'.includes(character))
    throw fault(cursor, `has nothing before it to repeat; write \\${character} for the character`)
  cursor.at++
  if (character === '.') return { kind: 'char', accepts: () => true }
  if (character === '^') return { kind: 'begin' }
  if (character === '$') return { kind: 'end' }
  return literal(character.charCodeAt(0), cursor.ignoreCase)
}

function readGroup(cursor: Cursor): PatternNode {
  const start = cursor.at
  cursor.at += cursor.text.startsWith('(?:', cursor.at) ? 3 : 1
  if (cursor.text[cursor.at] === '?')
    throw fault(cursor, 'is no group this matcher knows; use ( ) or (?: ) without flags and looks ahead or behind')
  cursor.depth++
  if (cursor.depth > deepest) throw fault(cursor, `is in more than ${deepest} groups`)
  const node = readEither(cursor)
  if (cursor.text[cursor.at] !== ')') {
    cursor.at = start
    throw fault(cursor, 'opens a group that is not closed')
  }
  cursor.at++
  cursor.depth--
  return node
}

function readEscape(cursor: Cursor): PatternNode {
  const character = cursor.text[cursor.at + 1]
  if (character === undefined) throw fault(cursor, 'escapes nothing')
  const ranges = classes[character]
  if (ranges === undefined && /[A-Za-z0-9]/.test(character)) throw fault(cursor, `\\${character} is not known`)
  cursor.at += 2
  if (ranges === undefined) return literal(character.charCodeAt(0), cursor.ignoreCase)
  return { kind: 'char', accepts: (code) => isIn(ranges, code) }
}

function readClass(cursor: Cursor): PatternNode {
  const start = cursor.at++
  const isNot = cursor.text[cursor.at] === '^'
  if (isNot) cursor.at++
  const ranges: Range[] = []
  while (cursor.text[cursor.at] !== ']' || ranges.length === 0) {
    if (cursor.at >= cursor.text.length) {
      cursor.at = start
      throw fault(cursor, 'opens a class that is not closed')
    }
    if (cursor.text.startsWith('[:', cursor.at))
      throw fault(cursor, 'begins a named class, which is not known; write a-z, \\d or \\w, or \\[ for the character')
    ranges.push(...readRange(cursor))
  }
  cursor.at++
  const accepts = cursor.ignoreCase
    ? (code: number) => isIn(ranges, code) || isIn(ranges, otherCase(code))
    : (code: number) => isIn(ranges, code)
  return { kind: 'char', accepts: (code) => accepts(code) !== isNot }
}

function readRange(cursor: Cursor): readonly Range[] {
  const start = cursor.at
  const named = cursor.text[cursor.at] === '\\' ? classes[cursor.text[cursor.at + 1] ?? ''] : undefined
  if (named !== undefined) {
    cursor.at += 2
    return named
  }
  const from = readClassCharacter(cursor)
  const isRange = cursor.text[cursor.at] === '-' && ![']', undefined].includes(cursor.text[cursor.at + 1])
  if (!isRange) return [[from, from]]
  cursor.at++
  const to = readClassCharacter(cursor)
  if (to >= from) return [[from, to]]
  cursor.at = start
  throw fault(cursor, 'is a range whose end comes before its beginning')
}

function readClassCharacter(cursor: Cursor): number {
  if (cursor.text[cursor.at] === '\\') {
    cursor.at++
    if (/[A-Za-z0-9]/.test(cursor.text[cursor.at] ?? 'a'))
      throw fault(cursor, `\\${cursor.text[cursor.at] ?? ''} is not known in a class`)
  }
  return cursor.text.charCodeAt(cursor.at++)
}

function literal(code: number, ignoreCase: boolean): PatternNode {
  if (!ignoreCase) return { kind: 'char', accepts: (found) => found === code }
  const other = otherCase(code)
  return { kind: 'char', accepts: (found) => found === code || found === other }
}

function otherCase(code: number): number {
  const text = String.fromCharCode(code)
  const lower = text.toLowerCase()
  return (lower === text ? text.toUpperCase() : lower).charCodeAt(0)
}

function isIn(ranges: readonly Range[], code: number): boolean {
  return ranges.some(([from, to]) => code >= from && code <= to)
}

function fault({ text, at }: Cursor, what: string): CertctlError {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text
  const found = text[at] === undefined ? '' : ` ("${text[at]}")`
  return new CertctlError('request_malformed', `Pattern "${shown}", position ${at + 1}${found}: ${what}`)
}
