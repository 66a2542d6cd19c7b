import { tags } from './primitives.js'
import { byteAt, countSteps, type DerReader, malformed, peekTag, readHeader } from './reader.js'

/** UTCTime or GeneralizedTime, in the one form RFC 5280 §4.1.2.5 allows of each: seconds present, no fraction, `Z`. Milliseconds since 1970. */
export function readTime(reader: DerReader, name: string): number {
  const isShort = peekTag(reader) === tags.utcTime
  const stop = readHeader(reader, isShort ? tags.utcTime : tags.generalizedTime, name)
  const { bytes, at } = reader
  const rest = at + (isShort ? 2 : 4)
  if (stop - rest !== 11 || byteAt(bytes, stop - 1) !== 0x5a)
    throw malformed(reader, `${name} is not written as ${isShort ? 'YYMMDDHHMMSSZ' : 'YYYYMMDDHHMMSSZ'}`)
  countSteps(reader, stop - at)
  const year = isShort ? fullYear(pair(bytes, at)) : pair(bytes, at) * 100 + pair(bytes, at + 2)
  const days = daysSince1970(year, pair(bytes, rest), pair(bytes, rest + 2))
  const seconds = secondsOfDay(pair(bytes, rest + 4), pair(bytes, rest + 6), pair(bytes, rest + 8))
  if (Number.isNaN(days) || Number.isNaN(seconds)) throw malformed(reader, `${name} is not a moment that exists`)
  reader.at = stop
  return (days * 86_400 + seconds) * 1000
}

// RFC 5280 §4.1.2.5.1: 50 to 99 are of the last century.
function fullYear(year: number): number {
  return year >= 50 ? 1900 + year : 2000 + year
}

/** Two digits; NaN where they are not. */
function pair(bytes: Uint8Array, at: number): number {
  const tens = byteAt(bytes, at) - 0x30
  const ones = byteAt(bytes, at + 1) - 0x30
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const daysBefore = monthDays.map((_, month) => monthDays.slice(0, month).reduce((sum, days) => sum + days, 0))

/** Days of the proleptic Gregorian calendar; NaN for a day that does not exist. */
function daysSince1970(year: number, month: number, day: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const length = month === 2 && isLeap ? 29 : (monthDays[month - 1] ?? Number.NaN)
  if (!(day >= 1 && day <= length)) return Number.NaN
  const before = year - 1
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400)
  const leapToday = month > 2 && isLeap ? 1 : 0
  return year * 365 + leapDays + (daysBefore[month - 1] ?? Number.NaN) + leapToday + day - 1 - daysBefore1970
}

// 1970 × 365 days and the 477 leap days before that year.
const daysBefore1970 = 1970 * 365 + 477

function secondsOfDay(hour: number, minute: number, second: number): number {
  return hour <= 23 && minute <= 59 && second <= 59 ? hour * 3600 + minute * 60 + second : Number.NaN
}
