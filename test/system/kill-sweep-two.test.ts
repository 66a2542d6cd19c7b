import { describe } from '@jest/globals'
import { sweep } from './kill-sweep.js'

describe('with two servers', () => sweep(2))
