import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { showEncryptionKey } from './encryption-key.js'

export const adminRotateEncryptionKey = defineVerb({
  name: 'rotate-encryption-key',
  summary:
    'Seals secrets with the next encryption key, and everything anew in the background. With CERTCTL_DATABASE_URL, first restart each server with the new key in CERTCTL_CONFIG_ENCRYPTION_KEY and the one before in CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS; take that one away once "certctl admin encryption-key" says settled. Backups made before need the old key',
  examples: ['certctl admin rotate-encryption-key'],
  given: z.object({}),
  run: async (_given, cli) => showEncryptionKey((await cli.client().rotateEncryptionKey()).body, cli),
})
