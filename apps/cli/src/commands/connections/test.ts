import { CertctlError, z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import type { Connection, ConnectionNoun } from './noun.js'

export function testVerb<T extends Connection>(noun: ConnectionNoun<T>) {
  return defineVerb({
    name: 'test',
    summary: `Tests whether ${noun.aSingular} can be reached and used; changes nothing there`,
    examples: [`certctl ${noun.plural} test ${noun.example.id}`],
    arguments: { id: `Id of the ${noun.singular}` },
    given: z.object({ id: z.string() }),
    run: async ({ id }, cli) => {
      const { body, ok, text } = await noun.test(cli.client(), id)
      if (!ok) throw new CertctlError('connection_failed', `${noun.singular} ${id}: ${text}`)
      cli.show(body, () => text)
    },
  })
}
