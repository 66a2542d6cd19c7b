import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './paths.js'

const execute = promisify(execFile)

export function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0
}

/** Runs a program as a person would in that folder, outside of any test; resolves to what it printed. The error says it too. */
export async function runIn(folder: string, [program = '', ...args]: readonly string[]): Promise<string> {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, NODE_ENV: ___, ...env } = process.env
  try {
    const { stdout, stderr } = await execute(program, args, { cwd: folder, env, maxBuffer: 64 * 1024 * 1024 })
    return `${stdout}${stderr}`
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout.slice(-3000)}\n${stderr.slice(-3000)}`, {
      cause: error,
    })
  }
}

/** Packs packages of this workspace as they would be published; resolves to the tarballs. */
export async function packPackages(names: readonly string[], folder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true })
  for (const name of names) await runIn(join(root, 'packages', name), ['pnpm', 'pack', '--pack-destination', folder])
  return readdirSync(folder).map((file) => join(folder, file))
}

/** Installs tarballs into a folder, which becomes an ordinary npm project. */
export async function installInto(folder: string, tarballs: readonly string[], more: readonly string[] = []) {
  mkdirSync(folder, { recursive: true })
  if (!readdirSync(folder).includes('package.json'))
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'connectors', private: true }))
  const install = ['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', '--fetch-retries=5', ...more]
  await runIn(folder, [...install, ...tarballs])
}
