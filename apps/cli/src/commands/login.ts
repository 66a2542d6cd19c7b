import { readFileSync } from 'node:fs'
import { CertctlError, Secret, z } from '@certctl/core'
import type { Cli } from '../cli.js'
import { type Settings, serverUrlSchema } from '../config.js'
import { createServerClient } from '../connect/client.js'
import { readServerChain } from '../connect/server-chain.js'
import { fileFault } from '../file-fault.js'
import { writeLogin } from '../login-file.js'
import { defineVerb } from '../verb.js'

export const login = defineVerb({
  name: 'login',
  summary: 'Keeps an API key for a server, and how to know that server again',
  examples: [
    'certctl login --server https://certctl.example.com:8443',
    'certctl login --server https://certctl.example.com:8443 --pin 5f0c… --key-file /run/secrets/certctl-key',
    'certctl login --server https://localhost:8443 --key-file /var/lib/certctl/admin.key',
  ],
  options: { '--key-file <file>': 'File with the API key; - is standard input. Asked for where not given' },
  given: z.object({ keyFile: z.string().optional() }),
  run: async ({ keyFile }, cli) => {
    const settings = await withServer(cli.settings(), cli)
    const trusted = await withTrust(settings, cli)
    const key = await readKey(keyFile, cli, settings)
    const ready: Settings = { ...trusted, apiKey: { value: key, from: 'login' } }
    const { body } = await createServerClient(ready, cli.io.signal).checkAuth()
    writeLogin(settings.loginFile.value, {
      server: ready.server.value,
      api_key: key.reveal(),
      ca_pem: ready.caPem?.value,
      pin_spki_sha256: ready.pin?.value,
    })
    cli.show(
      { server: ready.server.value, user: body.user, role: body.role, file: settings.loginFile.value },
      () => `Logged in to ${ready.server.value} as ${body.user} (${body.role}).`,
    )
    cli.say(`The key is kept in ${settings.loginFile.value}; remove it with: certctl logout`)
  },
})

async function withServer(settings: Settings, { io }: Cli): Promise<Settings> {
  if (settings.server.from !== 'default' || !io.terminal.stdin) return settings
  const typed = await io.ask(`Server [${settings.server.value}]: `, { hidden: false })
  if (typed.trim() === '') return settings
  const url = serverUrlSchema.safeParse(typed.trim())
  if (!url.success) throw new CertctlError('config_invalid', `The server ${url.error.issues[0]?.message}`)
  return { ...settings, server: { value: url.data, from: 'typed' } }
}

/** A server is known by what the operator says of it, else by the machine's anchors; a key is pinned only after somebody has compared it. */
async function withTrust(settings: Settings, cli: Cli): Promise<Settings> {
  if (settings.caPem !== undefined || settings.pin !== undefined || settings.insecure.value) return settings
  const url = settings.server.value
  const { trusted, ca } = await readServerChain(url, cli.io.signal)
  if (trusted) return settings
  if (ca === undefined)
    throw new CertctlError(
      'config_invalid',
      `No CA that this machine knows vouches for ${url}, and it does not send its own; give --ca-bundle FILE`,
    )
  cli.say(`No CA that this machine knows vouches for ${url}.`)
  cli.say(`It presents the CA "${ca.subject}" with the public key (SHA-256 of its SPKI)`)
  cli.say(`  ${ca.spkiSha256}`)
  cli.say(
    'On the server: openssl x509 -in STATE/tls/ca.crt -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum',
  )
  if (!cli.io.terminal.stdin || cli.json)
    throw new CertctlError(
      'config_invalid',
      `Compare that key with the server's, then: certctl login --server ${url} --pin ${ca.spkiSha256}`,
    )
  const answer = await cli.io.ask('Is it the same there? Type yes to trust it from now on: ', { hidden: false })
  if (answer.trim().toLowerCase() !== 'yes') throw new CertctlError('aborted', 'Nothing was sent and nothing is kept')
  return { ...settings, pin: { value: ca.spkiSha256, from: 'confirmed' } }
}

async function readKey(file: string | undefined, { io }: Cli, settings: Settings): Promise<Secret> {
  const text = (await keyText(file, io, settings)).trim()
  if (/^[\x21-\x7e]{8,512}$/.test(text)) return new Secret(text)
  throw new CertctlError(
    'config_invalid',
    'That is not an API key; it is one line without spaces, as shown when it was made',
  )
}

async function keyText(file: string | undefined, io: Cli['io'], settings: Settings): Promise<string> {
  if (file !== undefined && file !== '-') return readKeyFile(file)
  const { apiKey, loginFile } = settings
  if (file === undefined && apiKey !== undefined && apiKey.from !== loginFile.value) return apiKey.value.reveal()
  return file === undefined && io.terminal.stdin
    ? await io.ask('API key (not shown): ', { hidden: true })
    : await io.readStdin()
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new CertctlError('config_invalid', `The key file ${path} cannot be read: ${fileFault(cause)}`, { cause })
  }
}
