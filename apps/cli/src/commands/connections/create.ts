import { CertctlError, z } from '@certctl/core'
import type { Cli } from '../../cli.js'
import { applySettings, findConnectorType, isObject, readJsonObject } from '../../config-input.js'
import { defineVerb } from '../../verb.js'
import type { Connection, ConnectionNoun } from './noun.js'
import { showConnection } from './show.js'
import { parseWindow, windowOption } from './window-option.js'

const agentOption = { '--agent <id>': 'Id of the agent that writes there' }

const given = z.object({
  type: z.string().optional(),
  name: z.string().optional(),
  id: z.string().optional(),
  agent: z.string().optional(),
  window: z.array(z.string()).default([]),
  set: z.array(z.string()).default([]),
  file: z.string().optional(),
  disabled: z.boolean().optional(),
})

export function createVerb<T extends Connection>(noun: ConnectionNoun<T>) {
  const { type, settings, id } = noun.example
  const agent = noun.hasAgent ? ' --agent agent-web-1' : ''
  return defineVerb({
    name: 'create',
    summary: `Adds ${noun.aSingular}; what it can be is shown by: certctl connector-types list --kind ${noun.kind}`,
    examples: [
      `certctl ${noun.plural} create --id ${id} --type ${type}${agent} ${settings}`,
      `certctl ${noun.plural} create --file ${id}.json`,
    ],
    options: {
      '--type <type>': 'Connector type',
      '--name <name>': 'Name for people; the id where not given',
      '--id <id>': 'Id; the server makes one where not given',
      ...(noun.hasAgent ? { ...agentOption, ...windowOption } : {}),
      '--set <key=value>...': 'One setting; key=@FILE reads it from a file, key=@- from standard input',
      '--file <file>': 'JSON with all or part of it ({"type":…,"name":…,"config":{…}}); - is standard input',
      '--disabled': 'Not to be used yet',
    },
    given,
    run: async (asked, cli) => {
      const { body } = await noun.create(cli.client(), await bodyOf(noun, asked, cli))
      cli.say(`${noun.singular} ${body.id} is there; test it with: certctl ${noun.plural} test ${body.id}`)
      showConnection(noun, body, cli)
    },
  })
}

async function bodyOf<T extends Connection>(noun: ConnectionNoun<T>, asked: z.output<typeof given>, cli: Cli) {
  const fromFile = asked.file === undefined ? {} : await readJsonObject(asked.file, cli)
  const type = asked.type ?? fromFile.type
  if (typeof type !== 'string')
    throw new CertctlError('request_malformed', '--type must be given, or "type" in the file')
  const connector = asked.set.length === 0 ? undefined : await findConnectorType(cli, noun.kind, type)
  const config = isObject(fromFile.config) ? fromFile.config : {}
  const flags = {
    id: asked.id,
    name: asked.name ?? fromFile.name ?? asked.id ?? fromFile.id ?? type,
    agent_id: asked.agent,
    enabled: asked.disabled === true ? false : undefined,
    windows: asked.window.length === 0 ? undefined : asked.window.map(parseWindow),
  }
  const said = Object.entries(flags).filter(([, value]) => value !== undefined)
  return {
    ...fromFile,
    ...Object.fromEntries(said),
    type,
    config: await applySettings(config, { set: asked.set, connector, cli }),
  }
}
