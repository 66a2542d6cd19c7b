import type { Fact, Import, SourceFacts } from './source-facts.js'

export interface Breach {
  path: string
  line: number
  /** What was found there. */
  found: string
}
export interface Rule {
  number: number
  never: string
  because: string
  /** @param byPath every file, by its path without extension */
  breaches(file: SourceFacts, byPath: ReadonlyMap<string, SourceFacts>): Breach[]
}

const kinds = 'issuer|target|notifier|dns|discovery'
const connectorPackage = new RegExp(`^@certctl/(?:${kinds})-`)
const connectorFolder = new RegExp(`^packages/((?:${kinds})-[^/]+)/src/`)
const apps = ['server', 'agent', 'cli', 'web']
const appPackage = new RegExp(`^@certctl/(?:${apps.join('|')})(?:/|$)`)
const server = 'apps/server/src/'

const inSource = (path: string): boolean => /^(?:packages|apps)\/[^/]+\/src\//.test(path)
const isOurs = ({ specifier }: Import): boolean => specifier.startsWith('@certctl/')
/** The package or app a path belongs to: `packages/core`. */
const roomOf = (path: string): string => path.split('/').slice(0, 2).join('/')
const ownName = (path: string): string => `@certctl/${path.split('/')[1]}`
/** `http`, `store` … within the server; empty elsewhere. */
const serverRoom = (path: string | undefined): string =>
  path?.startsWith(server) === true ? (path.slice(server.length).split('/').slice(0, -1)[0] ?? '') : ''

function imports(file: SourceFacts, isBreach: (one: Import) => boolean): Breach[] {
  return file.imports
    .filter(isBreach)
    .map(({ specifier, line }) => ({ path: file.path, line, found: `imports ${specifier}` }))
}

function facts(file: SourceFacts, list: readonly Fact[], isBreach: (text: string) => boolean): Breach[] {
  return list.filter(({ text }) => isBreach(text)).map(({ text, line }) => ({ path: file.path, line, found: text }))
}

const leaves = (file: SourceFacts, { path }: Import): boolean =>
  path !== undefined && roomOf(path) !== roomOf(file.path)

const pure =
  /^apps\/server\/src\/(?:doctor\/checks\/[^/]+|lifecycle\/(?:csr\/validate-csr|policy\/apply-policy|order\/check-issued|renewal\/renewal-window))\.ts$/

/** Brought by vendors' own SDKs, which the host hands limits, proxy and trust. */
const vendorSdk =
  /^(?:@aws-sdk\/|@azure\/|@google-cloud\/|googleapis|google-auth-library|@kubernetes\/|acme-client|node-ssh|ssh2|winrm-client)/
const machineModules =
  /^(?:node:)?(?:fs|fs\/promises|child_process|net|tls|http|https|http2|dgram|dns|dns\/promises|os|process|timers|timers\/promises|worker_threads|cluster|readline)$/
const machineLibraries = /^(?:axios|execa|undici|got|node-fetch|write-file-atomic|ws)$/
const machineCalls =
  /^(?:Date\.now\(|new Date\(\)|Date\(|Math\.random\(|fetch\(|setTimeout\(|setInterval\(|setImmediate\(|performance\.now\(|(?:crypto\.|webcrypto\.)?(?:randomBytes|randomUUID|randomInt|randomFillSync|randomFill|getRandomValues)\()/

const shellCalls = /^(?:exec|execSync|execaCommand|execaCommandSync|child_process\.exec|child_process\.execSync)\(/

const privateKeyName = /^(?:private_?key|private_?key_?pem|key_?pem)$/i

/** The fourteen nevers. */
export const rules: readonly Rule[] = [
  {
    number: 1,
    never: 'core imports nothing of ours',
    because: 'everything stands on it',
    breaches: (file) =>
      file.path.startsWith('packages/core/src/') ? imports(file, (one) => isOurs(one) || leaves(file, one)) : [],
  },
  {
    number: 2,
    never: 'a connector imports neither another connector nor an app',
    because: 'each must live and die alone',
    breaches(file) {
      if (!connectorFolder.test(file.path)) return []
      const stranger = ({ specifier }: Import) =>
        (connectorPackage.test(specifier) && specifier !== ownName(file.path)) || appPackage.test(specifier)
      return imports(file, (one) => stranger(one) || leaves(file, one))
    },
  },
  {
    number: 3,
    never: "an app does not import another app's source",
    because: 'they meet on the wire, in api',
    breaches(file) {
      if (!/^apps\/[^/]+\/(?:src|test)\//.test(file.path)) return []
      const other = ({ specifier, path }: Import) =>
        (appPackage.test(specifier) && !specifier.startsWith(ownName(file.path))) ||
        (path?.startsWith('apps/') === true && roomOf(path) !== roomOf(file.path))
      return imports(file, other)
    },
  },
  {
    number: 4,
    never: 'an app does not import a connector by name',
    because: "it is found by manifest, like a stranger's",
    breaches(file) {
      if (!/^apps\/[^/]+\/src\//.test(file.path)) return []
      return imports(
        file,
        ({ specifier, path }) =>
          connectorPackage.test(specifier) || (path !== undefined && connectorFolder.test(`${path}/`)),
      )
    },
  },
  {
    number: 5,
    never: 'http, protocols, schedule and doctor do not reach into store',
    because: 'edges translate, the doctor looks; lifecycle and inventory decide',
    breaches(file) {
      const room = serverRoom(file.path)
      if (!['http', 'protocols', 'schedule', 'doctor'].includes(room)) return []
      // The shape of a row is the shape of its answer; and a loop may ask what is due.
      const reaches = imports(file, ({ path, typeOnly }) => serverRoom(path) === 'store' && !typeOnly)
      return room === 'schedule'
        ? reaches
        : [...reaches, ...facts(file, file.accesses, (text) => /(?:^|\.)store(?:\.|$)/.test(text))]
    },
  },
  {
    number: 6,
    never: 'store imports nothing of the server but store',
    because: 'rows do not know why they are asked for',
    breaches(file) {
      if (serverRoom(file.path) !== 'store') return []
      return imports(file, ({ path }) => path?.startsWith(server) === true && serverRoom(path) !== 'store')
    },
  },
  {
    number: 7,
    never:
      'validate-csr, apply-policy, check-issued, renewal-window and the checks of the doctor stand on nothing but core and pki',
    because: 'judgement is pure',
    breaches: (file, byPath) => (pure.test(file.path) ? impurities(file, byPath, new Set()) : []),
  },
  {
    number: 8,
    never: 'Express stays in http and protocols, Kysely in store',
    because: 'replaceable at one place',
    breaches(file) {
      if (!inSource(file.path)) return []
      const room = serverRoom(file.path)
      const express = ({ specifier }: Import) =>
        /^express(?:\/|$)/.test(specifier) && room !== 'http' && room !== 'protocols'
      const kysely = ({ specifier }: Import) => /^kysely(?:\/|$)/.test(specifier) && room !== 'store'
      return imports(file, (one) => express(one) || kysely(one))
    },
  },
  {
    number: 9,
    never: 'process.env is read in config.ts only',
    because: 'one page tells all settings',
    breaches(file) {
      if (!inSource(file.path) || /^apps\/[^/]+\/src\/config\.ts$/.test(file.path)) return []
      return facts(file, file.accesses, (text) => text === 'process.env')
    },
  },
  {
    number: 10,
    never: 'a connector touches files, processes, network, clock and chance through host only',
    because: 'otherwise it cannot be tested or trusted',
    breaches(file) {
      if (!connectorFolder.test(file.path)) return []
      const machine = ({ specifier }: Import) =>
        !vendorSdk.test(specifier) && (machineModules.test(specifier) || machineLibraries.test(specifier))
      return [...imports(file, machine), ...facts(file, file.calls, (text) => machineCalls.test(text))]
    },
  },
  {
    number: 11,
    never: 'no shell',
    because: 'argument vectors only',
    breaches(file) {
      if (!inSource(file.path)) return []
      return [...facts(file, file.calls, (text) => shellCalls.test(text)), ...facts(file, file.shells, () => true)]
    },
  },
  {
    number: 12,
    never: "an agent's private key is not on the wire",
    because: 'keys made on an agent stay there',
    breaches(file) {
      const speaks = file.path.startsWith('packages/api/src/') || isAgentWire(file)
      return speaks ? facts(file, file.names, (text) => privateKeyName.test(text)) : []
    },
  },
  {
    number: 13,
    never: 'one web feature does not import another',
    because: 'routes put features together',
    breaches(file) {
      const feature = featureOf(file.path)
      if (feature === undefined) return []
      return imports(file, ({ path }) => path !== undefined && (featureOf(`${path}/`) ?? feature) !== feature)
    },
  },
  {
    number: 14,
    never: 'src imports neither test nor testing',
    because: 'tests know the code, not the reverse',
    breaches(file) {
      if (!inSource(file.path)) return []
      // The command line runs the laws for people who write connectors.
      const may = ['apps/cli', 'packages/testing'].includes(roomOf(file.path))
      const tested = ({ specifier, path }: Import) =>
        (specifier === '@certctl/testing' && !may) || (path !== undefined && /(?:^|\/)(?:test|fixtures)\//.test(path))
      return imports(file, tested)
    },
  },
]

/** What a judgement, or a helper of one, imports besides core, pki and helpers that are as pure. */
function impurities(file: SourceFacts, byPath: ReadonlyMap<string, SourceFacts>, seen: Set<string>): Breach[] {
  if (seen.has(file.path)) return []
  seen.add(file.path)
  return file.imports.flatMap((one) => {
    if (['@certctl/core', '@certctl/pki'].includes(one.specifier)) return []
    const helper = one.path === undefined ? undefined : byPath.get(one.path)
    if (helper === undefined) return imports(file, (other) => other === one)
    return impurities(helper, byPath, seen)
  })
}

/** Files of the agent that talk to the control plane. */
function isAgentWire(file: SourceFacts): boolean {
  return (
    file.path.startsWith('apps/agent/src/') &&
    file.imports.some(({ specifier, typeOnly }) => specifier === '@certctl/api' && !typeOnly)
  )
}

function featureOf(path: string): string | undefined {
  return /^apps\/web\/src\/features\/([^/]+)\//.exec(path)?.[1]
}
