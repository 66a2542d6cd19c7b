import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const source = join(import.meta.dirname, '..', '..', 'src')
const files = ['lifecycle', 'schedule', 'work'].flatMap((room) =>
  readdirSync(join(source, room), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(room, name)),
)

describe('a run of a seed can be played again, since', () => {
  it.each(files)('%s gets chance and time handed to it', (file) => {
    const text = readFileSync(join(source, file), 'utf8')
    expect(text).not.toMatch(/Math\.random|randomUUID|randomBytes|Date\.now\(|new Date\(\)/)
  })
})
