export { type ChallengeListeners, createChallengeListeners, type ListenersOptions } from './challenge-listeners.js'
export { isAnswered } from './is-answered.js'
export { type ChallengeKind, type LiveAnswer, liveAnswer } from './live-answer.js'
