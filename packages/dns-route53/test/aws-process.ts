import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { unusedPort } from '@certctl/testing'

const home = process.env.CERTCTL_REAL_HOME ?? '/var/tmp/certctl-real'

/** A program of somebody else's that speaks AWS's protocols. */
export interface AwsModel {
  name: string
  program: string | undefined
  argv(port: number): readonly string[]
  resetPath: string
  /** The account that requests are made in. */
  account: string
  /** Laws that the model cannot keep, since it is less strict than AWS. */
  except: readonly string[]
}

const concurrent = 'values added and removed at the same time under one name are all added and all removed'

export const models: readonly AwsModel[] = [
  {
    name: 'moto',
    program: [join(home, 'bin', 'moto_server')].find(existsSync),
    argv: (port) => ['-H', '127.0.0.1', '-p', String(port)],
    resetPath: '/moto-api/reset',
    account: '123456789012',
    // 5.2.5 deletes whatever is there, whatever values a DELETE names; and it refuses a CREATE that it has seen before
    // although the DELETE before it in the same batch made room, so that no earlier state of a record comes back.
    except: [
      concurrent,
      'removed is only reported when the value is gone, whichever step fails, and the next attempt removes it',
      'a failing service is an error that says whether to try again, and when',
      'an answer that means nothing, or leads elsewhere, is no success',
    ],
  },
  {
    name: 'MiniStack',
    program: [join(home, 'bin', 'ministack_server')].find(existsSync),
    argv: (port) => ['ministack.app:app', '--bind', `127.0.0.1:${port}`, '--log-level', 'WARNING'],
    resetPath: '/_ministack/reset',
    account: '000000000000',
    except: [],
  },
]

export interface AwsProcess {
  readonly endpoint: string
  /** Forgets all that any account had. */
  reset(): Promise<void>
  stop(): Promise<void>
}

/** The model with a port and a pid of its own. */
export async function startModel({ name, program = '', argv, resetPath }: AwsModel): Promise<AwsProcess> {
  const port = await unusedPort()
  const child = spawn(program, argv(port), { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const endpoint = `http://127.0.0.1:${port}`
  const reset = async (): Promise<void> => {
    const { status } = await fetch(`${endpoint}${resetPath}`, { method: 'POST' })
    if (status !== 200) throw new Error(`${name} answers ${status}`)
  }
  await untilAnswering(reset)
  return {
    endpoint,
    reset,
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function untilAnswering(reset: () => Promise<void>): Promise<void> {
  for (let looks = 0; looks < 1000; looks += 1) {
    const answered = await reset().then(
      () => true,
      () => false,
    )
    if (answered) return
    await pause(50)
  }
  throw new Error('it did not start within fifty seconds')
}
