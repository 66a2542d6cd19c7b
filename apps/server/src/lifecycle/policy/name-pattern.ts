import { CertctlError } from '@certctl/core'
import { type PatternNode, parsePattern } from './parse-pattern.js'

/** A compiled pattern for names. It matches whole names only, so that `example\.com` does not let `example.com.evil.test` pass. */
export interface NamePattern {
  readonly text: string
  matches(name: string): boolean
  /**
   * The same with what it cost: at most the size of the pattern times the length of the name, whatever both are. It is given up as soon
   * as it costs more than `most` (by default, whatever it costs): then it does not match, and `steps` is more than `most`.
   */
  run(name: string, most?: number): { matches: boolean; steps: number }
}

type Instruction =
  | { op: 'char'; accepts(code: number): boolean }
  | { op: 'begin' }
  | { op: 'end' }
  | { op: 'split'; to: number[] }
  | { op: 'jump'; to: number }
  | { op: 'match' }

// A name of 253 characters costs no more than some 260,000 steps then.
const mostInstructions = 512

/**
 * Compiles a pattern to an automaton that is walked through in all its states at once: there is nothing to go back to, and no name or
 * pattern can make it slow. Throws `request_malformed`, naming the position.
 */
export function namePattern(text: string, { ignoreCase }: { ignoreCase: boolean }): NamePattern {
  const program: Instruction[] = []
  emit(program, parsePattern(text, { ignoreCase }))
  program.push({ op: 'match' })
  const run = (name: string, most = Number.POSITIVE_INFINITY) =>
    walk(program, ignoreCase ? name.toLowerCase() : name, most)
  return { text, run, matches: (name) => run(name).matches }
}

function push(program: Instruction[], instruction: Instruction): number {
  if (program.length >= mostInstructions)
    throw new CertctlError(
      'request_malformed',
      `The pattern is too large: it comes to more than ${mostInstructions} instructions; repeat less, or make two of it`,
    )
  return program.push(instruction) - 1
}

function emit(program: Instruction[], node: PatternNode): void {
  if (node.kind === 'char') push(program, { op: 'char', accepts: node.accepts })
  else if (node.kind === 'begin' || node.kind === 'end') push(program, { op: node.kind })
  else if (node.kind === 'sequence') for (const part of node.parts) emit(program, part)
  else if (node.kind === 'either') emitEither(program, node.parts)
  else emitRepeat(program, node)
}

function emitEither(program: Instruction[], parts: readonly PatternNode[]): void {
  const split: { op: 'split'; to: number[] } = { op: 'split', to: [] }
  push(program, split)
  const jumps = parts.map((part) => {
    split.to.push(program.length)
    emit(program, part)
    const jump: { op: 'jump'; to: number } = { op: 'jump', to: 0 }
    push(program, jump)
    return jump
  })
  for (const jump of jumps) jump.to = program.length
}

function emitRepeat(program: Instruction[], { part, least, most }: Extract<PatternNode, { kind: 'repeat' }>): void {
  const before = program.length
  for (let times = 0; times < least; times++) {
    emit(program, part)
    // Nothing repeated is nothing, however often: else nested groups of nothing would take for ever.
    if (program.length === before) break
  }
  if (most === undefined) emitStar(program, part)
  else emitOptional(program, part, most - least)
}

function emitOptional(program: Instruction[], part: PatternNode, most: number): void {
  const splits: { op: 'split'; to: number[] }[] = []
  for (let times = 0; times < most; times++) {
    const at = program.length
    const split: { op: 'split'; to: number[] } = { op: 'split', to: [at + 1] }
    splits.push(split)
    push(program, split)
    emit(program, part)
  }
  for (const split of splits) split.to.push(program.length)
}

function emitStar(program: Instruction[], part: PatternNode): void {
  const at = program.length
  const split: { op: 'split'; to: number[] } = { op: 'split', to: [at + 1] }
  push(program, split)
  emit(program, part)
  push(program, { op: 'jump', to: at })
  split.to.push(program.length)
}

function walk(program: readonly Instruction[], name: string, most: number): { matches: boolean; steps: number } {
  let steps = 0
  let states = closure([0], 0)
  for (let at = 0; at < name.length && states.length > 0 && steps <= most; at++) {
    const code = name.charCodeAt(at)
    const next: number[] = []
    for (const state of states) {
      steps++
      const instruction = program[state]
      if (instruction?.op === 'char' && instruction.accepts(code)) next.push(state + 1)
    }
    states = closure(next, at + 1)
  }
  return { matches: steps <= most && states.some((state) => program[state]?.op === 'match'), steps }

  /** Where one gets to from here without a character; each state once, which is what bounds the work. */
  function closure(from: readonly number[], at: number): number[] {
    const seen = new Set<number>()
    const open = [...from]
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (seen.has(state)) continue
      seen.add(state)
      steps++
      const instruction = program[state]
      if (instruction?.op === 'jump') open.push(instruction.to)
      else if (instruction?.op === 'split') open.push(...instruction.to)
      else if (instruction?.op === 'begin' && at === 0) open.push(state + 1)
      else if (instruction?.op === 'end' && at === name.length) open.push(state + 1)
    }
    return [...seen]
  }
}
