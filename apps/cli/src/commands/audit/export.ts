import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { writePrivateFile } from '../../write-private-file.js'

export const auditExport = defineVerb({
  name: 'export',
  summary: 'Writes the whole record with its proofs, one JSON document a line',
  examples: ['certctl audit export > audit.jsonl', 'certctl audit export --out audit.jsonl'],
  options: { '--out <file>': 'A new file for it, readable by you alone, instead of standard output' },
  given: z.object({ out: z.string().optional() }),
  run: async ({ out }, cli) => {
    const read = async () => (await cli.client().exportAudit()).body
    if (out === undefined) return cli.io.writeOut(await read())
    await writePrivateFile(out, read)
    cli.say(`Written to ${out}; check it with: certctl audit verify --file ${out}`)
  },
})
