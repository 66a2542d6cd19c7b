export { unusedPort as freePort } from '@certctl/testing'
