import { chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unusedPort } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Pebble, pebblePrograms, startPebble } from '../../../../packages/issuer-acme/test/pebble/processes.js'
import { createIssuerScene, type Issued, type IssuerScene } from './issuer-scene.js'
import { onRealProduct } from './on-real-product.js'
import { type PrintedConfiguration, printedAcme, printedAcmeOf, variablesOf } from './printed-configurations.js'

onRealProduct('Pebble', pebblePrograms, runLive)

/** As a CA hands it out; what is printed is shorter than any server takes. */
const hmac = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'
const printedHmac = 'your-zerossl-eab-hmac-base64url'

function runLive(programs: NonNullable<typeof pebblePrograms>): void {
  let pebble: Pebble
  let httpPort: number
  /** Stands for /etc/certctl: hooks that write into Pebble's name server, and down what they were told. */
  let folder: string
  let scene: IssuerScene

  beforeAll(async () => {
    httpPort = await unusedPort()
    const { eab_kid } = JSON.parse(printedAcmeOf('ZeroSSL with credentials').config) as Record<string, string>
    pebble = await startPebble(programs, {
      httpPort,
      config: {
        externalAccountMACKeys: { [eab_kid ?? '']: hmac },
        caaIdentities: ['letsencrypt.org'],
        profiles: {
          default: { description: 'usual', validityPeriod: 7_776_000 },
          shortlived: { description: 'six days', validityPeriod: 518_400 },
        },
      },
    })
    folder = await realpath(await mkdtemp(join(tmpdir(), 'certctl-hooks-')))
    await mkdir(join(folder, 'dns'))
    await writeHook('create-record.sh', '/set-txt')
    await writeHook('delete-record.sh', '/clear-txt')
    scene = await createIssuerScene({
      CERTCTL_CHALLENGE_HOST: '127.0.0.1',
      CERTCTL_SCRIPTS_DIR: folder,
      CERTCTL_ACME_CA_BUNDLE_PATH: pebble.caPath,
      CERTCTL_ACME_DNS_RESOLVERS: pebble.dnsAddress,
      CERTCTL_ACME_HTTP_PORT: String(httpPort),
    })
  })
  afterAll(async () => {
    await scene?.close()
    await pebble?.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function writeHook(name: string, path: string): Promise<void> {
    const text = `#!${process.execPath}
const { CERTCTL_DNS_FQDN: name, CERTCTL_DNS_VALUE: value } = process.env
require('node:fs').appendFileSync('${folder}/told', \`${path} \${name} \${value}\\n\`)
fetch('${pebble.toolUrl}${path}', { method: 'POST', body: JSON.stringify({ host: name + '.', value }) })
  .then(({ ok }) => process.exit(ok ? 0 : 1))
`
    await writeFile(join(folder, 'dns', name), text)
    await chmod(join(folder, 'dns', name), 0o755)
  }

  async function told(): Promise<string> {
    return await readFile(join(folder, 'told'), 'utf8').catch(() => '')
  }

  /** Where the CA really is, and what lies around it; everything else stays as it is printed. */
  const around = () => ({
    ca_bundle_path: pebble.caPath,
    dns_resolvers: [pebble.dnsAddress],
    http_port: httpPort,
    directory_url: pebble.directoryUrl,
  })

  /** One certificate of the environment's issuer and one of the API's. */
  async function issueTwice(printed: PrintedConfiguration, [one, other]: readonly [string, string]): Promise<Issued[]> {
    const here = (text: string): string => text.replaceAll('/etc/certctl', folder).replace(printedHmac, hmac)
    await scene.configure({
      ...variablesOf(here(printed.environment)),
      CERTCTL_ACME_DIRECTORY_URL: pebble.directoryUrl,
    })
    const id = `iss-api-${printedAcme.indexOf(printed)}`
    await scene.add(id, printed.type, { ...(JSON.parse(here(printed.config)) as object), ...around() })
    return [await scene.issue(printed.id, one), await scene.issue(id, other)]
  }

  const days = ({ certificate: { notBefore, notAfter } }: Issued): number =>
    Math.round((notAfter.getTime() - notBefore.getTime()) / 86_400_000)

  describe('issues through the lifecycle, from the environment and over the API:', () => {
    const byHttp = printedAcme.filter(({ config }) => !config.includes('dns_present_script'))

    it.each(byHttp)('$name', async (printed) => {
      const place = `${byHttp.indexOf(printed)}.example.test`
      const issued = await issueTwice(printed, [`env-${place}`, `api-${place}`])
      for (const { certificate, names, isForOurKey, chain } of issued)
        expect({ names: certificate.names, isForOurKey, chain: chain.length }).toEqual({
          names,
          isForOurKey: true,
          chain: 1,
        })
      // Where no profile is asked for, Pebble takes any.
      if (printed.config.includes('"profile"')) expect(issued.map(days)).toEqual([6, 6])
    })

    it('ACME by dns-01, wildcards: the hooks add each value, and take it away again', async () => {
      const issued = await issueTwice(printedAcmeOf('ACME by dns-01'), ['*.env.test', '*.api.test'])
      expect(issued.map(({ certificate }) => certificate.names[0]?.value)).toEqual(['*.env.test', '*.api.test'])
      for (const name of ['env.test', 'api.test']) {
        const lines = (await told()).split('\n').filter((line) => line.includes(`_acme-challenge.${name} `))
        expect(lines.map((line) => line.split(' ')[0])).toEqual(['/set-txt', '/clear-txt'])
      }
    })

    it('ACME by dns-persist-01: the hook writes one standing record for each account', async () => {
      await issueTwice(printedAcmeOf('ACME by dns-persist-01'), ['env.standing.test', 'api.standing.test'])
      const lines = (await told()).split('\n').filter((line) => line.includes('.standing.test '))
      expect(lines).toHaveLength(2)
      for (const line of lines)
        expect(line).toMatch(
          /^\/set-txt _validation-persist\.(env|api)\.standing\.test letsencrypt\.org; accounturi=https:/,
        )
    })
  })
}
