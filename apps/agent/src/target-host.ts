import type { FileSystem, TargetHost } from '@certctl/core'
import type { Agent } from './agent.js'
import type { PreparedTarget } from './prepare-target.js'

export interface TargetHostParts {
  target: PreparedTarget
  files: FileSystem
  confirmServed: TargetHost['confirmServed']
}

/** The machine as a deployment may use it: commands and directories as the policy has it, files as this agent owns them, time as the server has it. */
export function createTargetHost(agent: Agent, { target, files, confirmServed }: TargetHostParts): TargetHost {
  const base = agent.hostFor(target.targetId)
  const proposed = target.definition.proposedCommands ?? []
  return {
    ...base,
    files: limitWrites(files, target),
    async run(argv, options) {
      target.policy.allowCommand(argv, proposed)
      return await base.run(argv, options)
    },
    confirmServed,
  }
}

function limitWrites(files: FileSystem, { policy }: PreparedTarget): FileSystem {
  return {
    read: (path, options) => files.read(path, options),
    stat: (path) => files.stat(path),
    list: (path) => files.list(path),
    async replace(path, content, options) {
      await policy.allowWrite(path)
      await files.replace(path, content, options)
    },
    async remove(path) {
      await policy.allowWrite(path)
      await files.remove(path)
    },
  }
}
