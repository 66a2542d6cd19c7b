import Table from 'cli-table3'
import { cleanText } from './clean-text.js'

export interface Column<Row> {
  title: string
  value(row: Row): string | number | boolean | undefined
}

const none = ''
const plain = {
  chars: {
    top: none,
    'top-mid': none,
    'top-left': none,
    'top-right': none,
    bottom: none,
    'bottom-mid': none,
    'bottom-left': none,
    'bottom-right': none,
    left: none,
    'left-mid': none,
    mid: none,
    'mid-mid': none,
    right: none,
    'right-mid': none,
    middle: '  ',
  },
  style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
}

/** Columns without lines, aligned by what a terminal shows; what is missing is a dash. */
export function tableText<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const table = new Table({ ...plain, head: columns.map(({ title }) => title) })
  for (const row of rows) table.push(columns.map(({ value }) => cellText(value(row))))
  return trimmedLines(table.toString())
}

/** One thing, a line for each of its fields; fields without a value are left out. */
export function fieldsText(
  fields: readonly (readonly [name: string, value: string | number | boolean | undefined])[],
): string {
  const table = new Table(plain)
  for (const [name, value] of fields) if (value !== undefined && value !== '') table.push([name, cellText(value)])
  return trimmedLines(table.toString())
}

function cellText(value: string | number | boolean | undefined): string {
  if (value === undefined || value === '') return '-'
  return cleanText(String(value))
}

function trimmedLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
