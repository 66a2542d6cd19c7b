import { readdirSync } from 'node:fs'

/** What a file is called after its number: letters and digits of the title, with dashes. Throws for a title that has none. */
export function slugOf(title: string): string {
  const slug = title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  if (slug === '') throw new Error(`"${title}" has no letter or digit to name a file after`)
  return slug
}

/** The number after the highest one in use, four digits. Numbers are never reused, so gaps stay. */
export function nextNumber(folder: string): string {
  const used = readdirSync(folder).map((name) => Number(/^(\d{4})-/.exec(name)?.[1] ?? 0))
  return String(Math.max(0, ...used) + 1).padStart(4, '0')
}
