/** The same question gets the same answer, asked for once. */
export function once<Question, Answer>(
  ask: (question: Question) => Promise<Answer>,
): (question: Question) => Promise<Answer> {
  const known = new Map<string, Promise<Answer>>()
  return async (question) => {
    const key = JSON.stringify(question)
    const answer = known.get(key) ?? ask(question)
    known.set(key, answer)
    return await answer
  }
}
