import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ControlPlane } from './control-plane.js'
import { bundleOf } from './paths.js'
import { type Running, start } from './running.js'
import { until } from './until.js'

export interface TestAgent {
  id: string
  folder: string
  running: Running
  /** With a program in front of it, such as `env`. */
  restart(wrapper?: readonly string[]): Promise<void>
}

export interface AgentOptions {
  folder: string
  name: string
  plane: ControlPlane
  /** Argument vectors its policy allows. */
  commands?: readonly (readonly string[])[] | undefined
  env?: Readonly<Record<string, string>> | undefined
}

/** An agent that joined with a token, with a policy that allows the given commands and all of its folder. */
export async function startAgent({ folder, name, plane, commands = [], env = {} }: AgentOptions): Promise<TestAgent> {
  mkdirSync(folder, { recursive: true })
  const policyFile = join(folder, 'policy.json')
  writeFileSync(
    policyFile,
    JSON.stringify({ commands: commands.map((argv) => argv.join(' ')), write_directories: ['/tmp'] }),
    { mode: 0o600 },
  )
  const { body } = await plane.api.createJoinToken({ body: { agent_name: name } })
  const settings = {
    HOME: folder,
    CERTCTL_STATE_DIR: join(folder, 'state'),
    CERTCTL_KEY_DIR: join(folder, 'keys'),
    CERTCTL_AGENT_NAME: name,
    CERTCTL_AGENT_POLICY_FILE: policyFile,
    CERTCTL_JOIN_TOKEN: body.token,
    ...env,
  }
  const launch = (wrapper: readonly string[]) =>
    start({
      argv: [...wrapper, process.execPath, bundleOf('agent')] as unknown as [string, ...string[]],
      env: settings,
      logFile: join(folder, 'agent.log'),
    })
  const running = launch([])
  const id = await until(`the agent ${name} joins`, 240, async () => {
    if (!running.isAlive()) throw new Error(`it ended:\n${running.output().slice(-3000)}`)
    const { body: page } = await plane.api.listAgents({})
    return page.data.find((agent) => agent.name === name)?.id
  })
  const agent: TestAgent = {
    id,
    folder,
    running,
    async restart(wrapper = []) {
      agent.running = launch(wrapper)
    },
  }
  return agent
}

/** Every file below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesBelow(path) : [path]
  })
}
