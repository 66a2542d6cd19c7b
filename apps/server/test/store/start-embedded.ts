/** Run as another user: starts the database in the folder given, asks it something, stops it, and says as whom it ran. */
import pg from 'pg'
import { connectionOf } from '../../src/store/database.js'
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.js'

const [, , directory = ''] = process.argv
const log = { info: () => undefined, warn: () => undefined }
const server = await startEmbeddedPostgres({ directory, log })
const client = new pg.Client(connectionOf(server.address))
await client.connect()
const { rows } = await client.query<{ answer: number }>('select 6 * 7 as answer')
await client.end()
await server.stop()
process.stdout.write(JSON.stringify({ uid: process.getuid?.(), answer: rows[0]?.answer }))
