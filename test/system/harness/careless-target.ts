import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './paths.js'

/** An operator's folder of connectors in which one package tells every secret it is given. */
export function installCarelessTarget(folder: string): void {
  const name = 'certctl-target-careless'
  const place = join(folder, 'node_modules', name)
  const scope = join(place, 'node_modules', '@certctl')
  mkdirSync(scope, { recursive: true })
  cpSync(join(import.meta.dirname, 'careless-target'), place, { recursive: true })
  for (const part of ['core', 'kit']) symlinkSync(join(root, 'packages', part), join(scope, part))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'connectors', dependencies: { [name]: '*' } }))
}

/** A command that notes what a process could see of others, and, told to fail, prints whatever it can lay hands on. */
export function writeTellingCommand(
  path: string,
  files: { mode: string; seen: string; secrets: readonly string[] },
): void {
  const lines = [
    '#!/bin/sh',
    'input=$(cat)',
    `cat /proc/[0-9]*/cmdline /proc/$$/environ 2>/dev/null >> '${files.seen}'`,
    `case "$(cat '${files.mode}')" in fails)`,
    '  echo "a command that tells:"; echo "$input"',
    ...files.secrets.map((file) => `  cat '${file}'; grep -v -e ----- '${file}'`),
    '  exit 3;;',
    'esac',
  ]
  writeFileSync(path, `${lines.join('\n')}\n`)
  chmodSync(path, 0o755)
}
