import { nouns, topVerbs } from './nouns.js'

/** Noun and verb of a command line under their own names, as far as it has them: `certs get x` → `certificates show`. */
export function commandWords(argv: readonly string[]): string[] {
  const isCalled = (word: string) => (one: { name: string; aliases: readonly string[] }) =>
    one.name === word || one.aliases.includes(word)
  for (const [index, word] of argv.entries()) {
    const top = topVerbs.find(isCalled(word))
    if (top !== undefined) return [top.name]
    const noun = nouns.find(isCalled(word))
    if (noun === undefined) continue
    const verb = argv.slice(index + 1).flatMap((next) => noun.verbs.filter(isCalled(next)))[0]
    return verb === undefined ? [noun.name] : [noun.name, verb.name]
  }
  return []
}
