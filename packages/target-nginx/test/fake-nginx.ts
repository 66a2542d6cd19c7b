import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createTestHost, type TargetWorld } from '@certctl/testing'

export interface ServerBlock {
  cert: string
  key: string
}

export interface FakeNginx extends TargetWorld {
  readonly host: ReturnType<typeof createTestHost>
  /** What the configuration holds besides our server blocks; `broken` makes every test of it fail. */
  state: { broken: boolean; reloads: number; validations: number }
}

const configurationFile = '/etc/nginx/nginx.conf'

/**
 * Behaves like NGINX where it matters: reads files only on start and reload; tests all server blocks, not only ours; refuses a key that does
 * not fit and an issuer before the leaf; keeps the old certificate when it refuses; serves the old one once more after a good reload, which
 * returns before the switch. A block counts as configured once one of its files exists.
 *
 * Compared with nginx 1.22.1 by running the same laws (live.test.ts) and by reading its messages.
 */
export function fakeNginx(paths: ServerBlock, others: readonly ServerBlock[] = []): FakeNginx {
  const blocks = [paths, ...others]
  const state = { broken: false, reloads: 0, validations: 0 }
  let loaded = new Map<string, string>()
  let before = loaded

  const host = createTestHost((argv, files) => {
    if (argv[0] !== 'nginx' && argv[0] !== 'systemctl') return { exitCode: 127, stderr: `${argv[0]}: not found` }
    const reloads = argv.includes('reload')
    state[reloads ? 'reloads' : 'validations'] += 1
    try {
      const fresh = load(files)
      if (reloads) [before, loaded] = [loaded, fresh]
      return { exitCode: 0, stderr: `nginx: configuration file ${configurationFile} test is successful` }
    } catch (error) {
      return { exitCode: 1, stderr: `${String(error)}\nnginx: configuration file ${configurationFile} test failed` }
    }
  })

  const load = (files: ReadonlyMap<string, string>): Map<string, string> => {
    if (state.broken) throw emergency(`unknown directive "foo" in ${configurationFile}:12`)
    const configured = blocks.filter(({ cert, key }) => files.has(cert) || files.has(key))
    return new Map(configured.map((block) => [block.cert, fingerprintIn(files, block)]))
  }

  const servingOf = (cert: string) => () => {
    const seen = before.get(cert)
    before = loaded
    return seen
  }
  const [second] = others
  return {
    host,
    state,
    serving: servingOf(paths.cert),
    restart() {
      loaded = load(host.files.texts())
      before = loaded
    },
    ...(second === undefined
      ? {}
      : { second: { config: { cert_path: second.cert, key_path: second.key }, serving: servingOf(second.cert) } }),
  }
}

function fingerprintIn(files: ReadonlyMap<string, string>, { cert, key }: ServerBlock): string {
  const [certificateText, keyText] = [files.get(cert), files.get(key)]
  if (certificateText === undefined) throw emergency(`cannot load certificate "${cert}": BIO_new_file() failed`)
  if (keyText === undefined) throw emergency(`cannot load certificate key "${key}": BIO_new_file() failed`)
  const certificate = new X509Certificate(certificateText)
  if (!certificate.checkPrivateKey(createPrivateKey(keyText)))
    throw emergency(
      `SSL_CTX_use_PrivateKey("${key}") failed (SSL: error:05800074:x509 certificate routines::key values mismatch)`,
    )
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

function emergency(text: string): string {
  return `nginx: [emerg] ${text}`
}
