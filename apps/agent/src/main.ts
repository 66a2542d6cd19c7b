#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { errorCodes, isCertctlError, messageOf, z } from '@certctl/core'
import { createAgentEnd } from './agent-end.js'
import { compose, ownManifest } from './compose.js'
import { type AgentConfig, parseCommandLine, readConfig, startInput } from './config.js'
import { helpText } from './help.js'
import { type AgentLog, createLog } from './log.js'
import { policyExample } from './policy.js'
import { runAgent } from './run-agent.js'

const version = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(ownManifest(), 'utf8'))).version

async function main(): Promise<void> {
  const input = startInput()
  const {
    asked: [asked],
    command,
  } = parseCommandLine(input.argv)
  const answers = { help: () => helpText(version), version: () => version, 'print-policy-example': () => policyExample }
  if (asked !== undefined) return void process.stdout.write(`${answers[asked]().trimEnd()}\n`)
  const config = readConfig(input)
  const log = createLog(config.logLevel)
  for (const warning of config.warnings) log.warn(warning)
  if (config.insecure) log.warn("the server is not authenticated: whoever answers gets this agent's key")
  if (command === 'join') await join(config, log)
  else await live(config, log)
}

/** Joins, so that later starts need no token, and leaves the running to a supervisor. */
async function join(config: AgentConfig, log: AgentLog): Promise<void> {
  const { agent, release } = await compose(config, { log, version })
  await release()
  process.stdout.write(`Joined as ${agent.id}. Now start the agent: certctl-agent\n`)
  process.exit(0)
}

async function live(config: AgentConfig, log: AgentLog): Promise<void> {
  const end = createAgentEnd()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end.stop)
  const { agent, rememberRetirement, release } = await compose(config, { log, version })
  log.info('the agent runs', { agent_id: agent.id, version, state: agent.installation.stateDirectory })
  await runAgent(agent, end)
  if (end.reason === 'retired') {
    await rememberRetirement()
    log.error('the server has retired this agent; it ends here', { agent_id: agent.id })
  }
  await release()
  log.info('the agent has stopped', { reason: end.reason })
  process.exit(0)
}

main().catch((error: unknown) => {
  process.stderr.write(
    `certctl-agent: ${isCertctlError(error) ? messageOf(error) : error instanceof Error ? error.stack : String(error)}\n`,
  )
  // A retired agent ends well, so that no supervisor starts it again and again.
  process.exit(isCertctlError(error) ? (error.code === 'gone' ? 0 : errorCodes[error.code].cliExit) : 1)
})
