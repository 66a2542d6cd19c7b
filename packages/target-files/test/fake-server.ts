import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createTestHost, type TargetWorld } from '@certctl/testing'

export interface FakeServer extends TargetWorld {
  readonly host: ReturnType<typeof createTestHost>
  readonly state: { commands: string[] }
}

/**
 * A server that reads PEM files when it is told to: takes the first certificate and the first key it finds in what it was pointed at, refuses
 * a pair that does not fit and goes on with the old one. `check` asks whether it would take the files, `ctl reload` makes it.
 */
export function fakeServer(paths: { certificate: string; key: string }): FakeServer {
  const state = { commands: [] as string[] }
  let serving: string | undefined

  const load = (files: ReadonlyMap<string, string>): string => {
    const certificate = new X509Certificate(files.get(paths.certificate) ?? '')
    const key = createPrivateKey(files.get(paths.key) ?? '')
    if (!certificate.checkPrivateKey(key)) throw new Error('the key does not fit')
    return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
  }
  const host = createTestHost((argv, files) => {
    state.commands.push(argv.join(' '))
    if (argv[0] !== 'ctl' && argv[0] !== 'check') return { exitCode: 127, stderr: `${argv[0]}: not found` }
    try {
      const loaded = load(files)
      if (argv[0] === 'ctl') serving = loaded
      return { exitCode: 0 }
    } catch (error) {
      return { exitCode: 1, stderr: String(error) }
    }
  })
  return {
    host,
    state,
    serving: () => serving,
    restart() {
      serving = load(host.files.texts())
    },
  }
}
