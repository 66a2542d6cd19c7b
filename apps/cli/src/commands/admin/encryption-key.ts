import type { EncryptionKeyStatus } from '@certctl/api'
import { z } from '@certctl/core'
import type { Cli } from '../../cli.js'
import { fieldsText } from '../../output/table.js'
import { defineVerb } from '../../verb.js'

export const adminEncryptionKey = defineVerb({
  name: 'encryption-key',
  summary: 'Which encryption key seals secrets at rest, and what an older one still does',
  examples: ['certctl admin encryption-key'],
  given: z.object({}),
  run: async (_given, cli) => showEncryptionKey((await cli.client().getEncryptionKey()).body, cli),
})

const meanings: Readonly<Record<EncryptionKeyStatus['state'], string>> = {
  settled: 'settled: this key seals and opens everything',
  prepared: 'prepared: go on with: certctl admin rotate-encryption-key',
  resealing: 'resealing: keep CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS set until this says "settled"',
}

export function showEncryptionKey(status: EncryptionKeyStatus, cli: Cli): void {
  cli.show(status, () =>
    fieldsText([
      ['key', status.key_id],
      ['seals since', status.sealing_since],
      ['next key', status.next_key_id],
      ['state', meanings[status.state]],
      ['of another key', status.remaining_total],
      ...Object.entries(status.remaining).map(([table, count]) => [`  ${table}`, count] as [string, number]),
      ...unopenableOf(status),
    ]),
  )
}

function unopenableOf({ unopenable = [] }: EncryptionKeyStatus): [string, string][] {
  if (unopenable.length === 0) return []
  return [
    ...unopenable.map((name) => ['cannot be opened', name] as [string, string]),
    [
      '',
      'start a server with their key in CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS; where it is lost, set them anew or delete them',
    ],
  ]
}
