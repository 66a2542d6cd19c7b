import { Argument, Command, Option } from 'commander'
import type { Cli } from './cli.js'
import type { Flags } from './config.js'
import { createCli } from './create-cli.js'
import type { Io } from './io.js'
import { type Noun, nouns, topVerbs } from './nouns.js'
import { bareName, type Verb } from './verb.js'

export interface ProgramOptions {
  io: Io
  version: string
}

/** Every command there is, built from the table of nouns and verbs. */
export function createProgram(options: ProgramOptions): Command {
  const { io, version } = options
  const program = new Command('certctl')
    .description('Gets X.509 certificates from any CA, puts them on servers, proves they are served, and renews them.')
    .version(version, '--version', 'Shows the version')
    .helpOption('--help', 'Shows this help')
    .helpCommand(false)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.writeOut(text),
      writeErr: (text) => io.writeError(text),
      outputError: () => undefined, // said once, by whoever runs the program
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
    })
    .showSuggestionAfterError(true)
  for (const option of globalOptions()) program.addOption(option)
  program.addHelpText(
    'after',
    exampleText([
      'certctl login --server https://certctl.example.com:8443',
      'certctl status',
      'certctl certificates request www.example.com --target web-1 --wait',
    ]),
  )
  for (const verb of topVerbs) addVerb(program, verb, options)
  for (const noun of nouns) addNoun(program, noun, options)
  return program
}

const helpWidth = 100

function globalOptions(): Option[] {
  return [
    new Option('--server <url>', 'Server to ask (CERTCTL_SERVER_URL)'),
    new Option(
      '--api-key-file <file>',
      'File with the API key (CERTCTL_API_KEY_FILE; CERTCTL_API_KEY holds the key itself)',
    ),
    new Option('--api-key <key>', 'The API key itself; others on this machine can see it').hideHelp(),
    new Option('--ca-bundle <file>', "PEM file of the server's CA (CERTCTL_SERVER_CA_BUNDLE_PATH)"),
    new Option('--pin <sha256>', "SHA-256 of the public key of the server's CA (CERTCTL_SERVER_PIN)"),
    new Option('--insecure', 'Trust any server certificate; for trials only'),
    new Option('--config <file>', 'Where login keeps its key (CERTCTL_CONFIG_FILE)'),
    new Option('--json', 'Output for programs: JSON on stdout, failures as JSON on stderr'),
    new Option('--format <format>', 'table or json').choices(['table', 'json']).default('table').hideHelp(),
  ]
}

function exampleText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`
}

function addNoun(program: Command, { name, aliases, summary, verbs }: Noun, options: ProgramOptions): void {
  const command = program
    .command(name)
    .description(summary)
    .aliases(aliases)
    .helpOption('--help', 'Shows this help')
    .helpCommand(false)
  command.addHelpText('after', exampleText(verbs.flatMap(({ examples }) => examples.slice(0, 1))))
  for (const verb of verbs) addVerb(command, verb, options)
}

function addVerb(parent: Command, verb: Verb, options: ProgramOptions): void {
  const command = parent
    .command(verb.name)
    .description(verb.summary)
    .aliases(verb.aliases)
    .helpOption('--help', 'Shows this help')
  for (const [name, text] of Object.entries(verb.arguments))
    command.addArgument(new Argument(name.startsWith('[') ? name : `<${name}>`, text))
  for (const [flags, text] of Object.entries(verb.options)) command.addOption(optionOf(flags, text))
  command.addHelpText('after', exampleText(verb.examples))
  command.action(async (...taken: unknown[]) => {
    const names = Object.keys(verb.arguments).map(bareName)
    const values = names.map((name, index) => [name, taken[index]] as const)
    await verb.run({ ...Object.fromEntries(values), ...command.opts() }, cliOf(command, options))
  })
}

function optionOf(flags: string, text: string): Option {
  if (!flags.endsWith('...')) return new Option(flags, text)
  const collect = (value: string, before: unknown) => [...(Array.isArray(before) ? (before as unknown[]) : []), value]
  return new Option(flags.slice(0, -3), `${text} (may be repeated)`).argParser(collect)
}

function cliOf(command: Command, { io, version }: ProgramOptions): Cli {
  const flags = command.optsWithGlobals<Flags & { json?: boolean; format?: string }>()
  return createCli({ io, version, flags: { ...flags, json: flags.json === true || flags.format === 'json' } })
}
