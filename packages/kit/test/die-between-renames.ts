/** Deploys a pair into a directory and kills itself between the two renames. */
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createFileSystem } from '../src/file-system.js'
import { createJournaledFileSystem } from '../src/journaled-file-system.js'
import { replaceFiles } from '../src/replace-files.js'
import { createJsonJournal } from './json-journal.js'

const directory = process.argv[2] ?? ''
const material: { certificate: string; key: string } = JSON.parse(await text(process.stdin))
const files = createJournaledFileSystem(createFileSystem(), createJsonJournal(join(directory, 'journal')))
const deadly = {
  ...files,
  async replace(...given: Parameters<typeof files.replace>) {
    await files.replace(...given)
    process.kill(process.pid, 'SIGKILL')
  },
}
const changes = [
  { path: join(directory, 'cert.pem'), content: material.certificate },
  { path: join(directory, 'key.pem'), content: material.key, mode: 0o600, secret: true },
]
await replaceFiles(deadly, changes, { signal: new AbortController().signal })
