import { commandLine, defineNotifier, defineTarget, duration, errorCodes, filePath, secret, z } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { mark, withSection } from '../gen/connector-section.js'
import type { ConnectorPackage } from '../gen/connectors.js'
import { connectorsPage } from '../gen/connectors-page.js'
import { errorsPage } from '../gen/errors-page.js'
import { optionsTable } from '../gen/options-table.js'

const target = defineTarget({
  type: 'Lighttpd',
  aliases: ['lighty'],
  displayName: 'lighttpd',
  configSchema: z.strictObject({
    cert_path: filePath().describe('Where a|b goes.'),
    reload_command: commandLine().prefault('lighttpd reload').describe('Reloads.'),
    wait: duration().prefault('5s').describe('How long.'),
    attempts: z.int().min(1).max(9).prefault(3).describe('How often.'),
    mode: z.enum(['fast', 'slow']).optional().describe('How.'),
    names: z.array(z.string()).optional().describe('Whom.'),
    on: z.boolean().prefault(false).describe('Whether.'),
  }),
  capabilities: { platforms: ['linux'], verifies: 'file', undo: 'full', holds: 'one' },
  proposedCommands: [['lighttpd', '-t']],
  create: () => {
    throw new Error('pages create nothing')
  },
})

const notifier = defineNotifier({
  type: 'Bell',
  displayName: 'Bell',
  configSchema: z.strictObject({ api_key: secret().describe('Key.'), tone: z.string().optional().describe('Which.') }),
  environment: [{ id: 'bell', name: 'Bell', when: 'CERTCTL_BELL_KEY', variables: { api_key: 'CERTCTL_BELL_KEY' } }],
  capabilities: { deduplicates: true, resolves: false, recipients: 'fixed' },
  create: () => {
    throw new Error('pages create nothing')
  },
})

const packages: readonly ConnectorPackage[] = [
  {
    folder: 'packages/target-lighttpd',
    name: '@certctl/target-lighttpd',
    kind: 'target',
    description: 'lighttpd',
    definitions: [target],
  },
  {
    folder: 'packages/notifier-bell',
    name: '@certctl/notifier-bell',
    kind: 'notifier',
    description: 'a bell',
    definitions: [notifier],
  },
]
const [lighttpd, bell] = packages as [ConnectorPackage, ConnectorPackage]

describe('the lower part of a README', () => {
  it('keeps what was written by hand and replaces everything below the mark', () => {
    const made = withSection(`# Mine\n\nBy hand.\n\n${mark}\nlast year\n`, lighttpd)
    expect(made.startsWith(`# Mine\n\nBy hand.\n\n${mark}\n\nType: \`Lighttpd\`, also \`lighty\`.\n`)).toBe(true)
    expect(made).not.toContain('last year')
    expect(withSection(made, lighttpd)).toBe(made)
  })

  it('without a mark it is refused by name', () => {
    expect(() => withSection('# Mine\n', lighttpd)).toThrow('packages/target-lighttpd/README.md has no line')
  })

  it('says type, default and meaning of every option', () => {
    const made = withSection(mark, lighttpd)
    for (const row of [
      '| `cert_path` | file to write | **required** | Where a\\|b goes. |',
      '| `reload_command` | command | `lighttpd reload` | Reloads. |',
      '| `wait` | duration | `5s` | How long. |',
      '| `attempts` | integer, 1 to 9 | `3` | How often. |',
      '| `mode` | `fast`, `slow` |  | How. |',
      '| `names` | list of text |  | Whom. |',
      '| `on` | boolean | `false` | Whether. |',
    ])
      expect(made).toContain(row)
  })

  it('says what it can do, which commands it proposes, and where the settings of every target are', () => {
    const made = withSection(mark, lighttpd)
    expect(made).toContain('| undo | full |')
    expect(made).toContain('- `lighttpd -t`')
    expect(made).toContain('(../../docs/connectors.md#every-target)')
  })

  it('names the variables of the environment, and the files they may come from where they are secrets', () => {
    const made = withSection(mark, bell)
    expect(made).toContain('| `api_key` | secret | **required** | `CERTCTL_BELL_KEY`, `CERTCTL_BELL_KEY_FILE` | Key. |')
    expect(made).toContain('- `bell` (Bell): when `CERTCTL_BELL_KEY` is set')
    expect(made).toContain('| deduplicates | yes |')
  })

  it('a connector without options says so', () => {
    expect(optionsTable({ properties: {} })).toEqual(['It has no options.'])
  })

  it('a package of several definitions has a part for each', () => {
    const both = withSection(mark, {
      ...bell,
      definitions: [notifier, { ...notifier, type: 'Gong', displayName: 'Gong' }],
    })
    expect(both.match(/^## .*/gm)).toEqual(['## Bell', '## Gong'])
  })
})

describe('the pages', () => {
  it('the index has a row for every type, under its kind, and the settings of every target', () => {
    const page = connectorsPage(packages)
    expect(page).toContain(
      '| `Lighttpd` | `lighty` | [@certctl/target-lighttpd](../packages/target-lighttpd/README.md) | lighttpd |',
    )
    expect(page.match(/^## .*/gm)).toEqual(['## Targets', '## Notifiers', '## Every target'])
    expect(page).toContain('### `post_deploy_verify`')
  })

  it('every code of the table has its row', () => {
    const rows = errorsPage().match(/^\| `[a-z_]+` \|/gm)
    expect(rows).toEqual(Object.keys(errorCodes).map((code) => `| \`${code}\` |`))
  })
})
