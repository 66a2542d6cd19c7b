import { CertctlError, z } from '@certctl/core'
import { applySettings, findConnectorType, readJsonObject } from '../../config-input.js'
import { defineVerb } from '../../verb.js'
import type { Connection, ConnectionNoun } from './noun.js'
import { showConnection } from './show.js'
import { parseWindow, windowOption } from './window-option.js'

const anyTimeOption = { '--any-time': 'No windows: deployments happen when they are due' }

export function updateVerb<T extends Connection>(noun: ConnectionNoun<T>) {
  const { id, change } = noun.example
  return defineVerb({
    name: 'update',
    summary: `Changes what is given of ${noun.aSingular}; the rest stays`,
    examples: [`certctl ${noun.plural} update ${id} ${change}`, `certctl ${noun.plural} update ${id} --disable`],
    arguments: { id: `Id of the ${noun.singular}` },
    options: {
      '--name <name>': 'New name',
      ...(noun.hasAgent
        ? { '--agent <id>': 'The agent that writes there from now on', ...windowOption, ...anyTimeOption }
        : {}),
      '--set <key=value>...': 'One setting; key=@FILE reads it from a file, key=@- from standard input',
      '--file <file>': 'JSON with settings to change; null clears one; - is standard input',
      '--enable': 'Use it',
      '--disable': 'Do not use it for anything new',
    },
    given: z.object({
      id: z.string(),
      name: z.string().optional(),
      agent: z.string().optional(),
      window: z.array(z.string()).default([]),
      anyTime: z.boolean().default(false),
      set: z.array(z.string()).default([]),
      file: z.string().optional(),
      enable: z.boolean().default(false),
      disable: z.boolean().default(false),
    }),
    run: async ({ id, name, agent, window, anyTime, set, file, enable, disable }, cli) => {
      if (enable && disable) throw new CertctlError('request_malformed', '--enable and --disable exclude each other')
      if (anyTime && window.length > 0)
        throw new CertctlError('request_malformed', '--window and --any-time exclude each other')
      const fromFile = file === undefined ? {} : await readJsonObject(file, cli)
      const { type } = (await noun.get(cli.client(), id)).body
      const connector = set.length === 0 ? undefined : await findConnectorType(cli, noun.kind, type)
      const config = await applySettings(fromFile, { set, connector, cli })
      const said = {
        ...(name === undefined ? {} : { name }),
        ...(agent === undefined ? {} : { agent_id: agent }),
        ...(window.length > 0 || anyTime ? { windows: window.map(parseWindow) } : {}),
        ...(Object.keys(config).length === 0 ? {} : { config }),
        ...(enable || disable ? { enabled: enable } : {}),
      }
      if (Object.keys(said).length === 0)
        throw new CertctlError(
          'request_malformed',
          'Nothing to change; give --name, --set, --file, --enable or --disable',
        )
      const { body } = await noun.update(cli.client(), id, said)
      showConnection(noun, body, cli)
    },
  })
}
