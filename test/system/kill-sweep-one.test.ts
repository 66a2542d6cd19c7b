import { describe } from '@jest/globals'
import { sweep } from './kill-sweep.js'

describe('with one server', () => sweep(1))
