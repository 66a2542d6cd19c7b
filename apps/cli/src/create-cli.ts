import { CertctlError } from '@certctl/core'
import type { Cli } from './cli.js'
import { type Flags, loginFileSetting, readSettings, type Settings } from './config.js'
import { type Client, createServerClient } from './connect/client.js'
import type { Io } from './io.js'
import { cleanText } from './output/clean-text.js'
import { tableText } from './output/table.js'

/** Settings are read and the client is made when first needed, so that `login` and `--help` work without either. */
export function createCli({ io, flags, version }: { io: Io; flags: Flags & { json: boolean }; version: string }): Cli {
  let settings: Settings | undefined
  let client: Client | undefined
  const say = (text: string) => {
    if (!flags.json) io.writeError(`${cleanText(text)}\n`)
  }
  const warn = (text: string) =>
    io.writeError(flags.json ? `${JSON.stringify({ warning: text })}\n` : `warning: ${cleanText(text)}\n`)
  const readOnce = () => {
    if (settings !== undefined) return settings
    settings = readSettings(flags, io)
    if (settings.apiKey?.from === '--api-key')
      warn(
        'a key among the arguments is seen by everybody on this machine; use certctl login, CERTCTL_API_KEY or --api-key-file',
      )
    if (settings.insecure.value)
      warn(`the certificate of ${settings.server.value} is not verified: whoever answers gets the key`)
    return settings
  }
  return {
    io,
    json: flags.json,
    version,
    settings: readOnce,
    loginFile: () => loginFileSetting(flags, io).value,
    client() {
      client ??= createServerClient(requireKey(readOnce()), io.signal)
      return client
    },
    show: (body, text) => io.writeOut(flags.json ? jsonText(body) : `${text()}\n`),
    list(body, { columns, none }) {
      if (flags.json) return io.writeOut(jsonText(body))
      if (body.data.length === 0) return say(none)
      io.writeOut(`${tableText(columns, body.data)}\n`)
      const { total = body.data.length, data } = body
      if (total > data.length)
        say(
          `${data.length} of ${total}${body.total_capped === true ? ' or more' : ''} shown; more with --page or --all`,
        )
    },
    say,
    warn,
  }
}

function requireKey(settings: Settings): Settings {
  if (settings.apiKey !== undefined) return settings
  throw new CertctlError('unauthenticated', `There is no API key for ${settings.server.value}`)
}

function jsonText(body: unknown): string {
  return `${JSON.stringify(body, undefined, 2)}\n`
}
