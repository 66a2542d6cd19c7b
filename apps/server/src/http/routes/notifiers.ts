import type { Services } from '../../services.js'
import { connectionRoutes } from '../connection-routes.js'
import type { Handlers } from '../handlers.js'

type Ids = 'listNotifiers' | 'createNotifier' | 'getNotifier' | 'updateNotifier' | 'deleteNotifier' | 'testNotifier'

export function notifierRoutes(services: Services): Handlers<Ids> {
  const routes = connectionRoutes(services, { kind: 'notifier', list: 'listNotifiers' })
  return {
    listNotifiers: routes.list,
    createNotifier: routes.create,
    getNotifier: routes.get,
    updateNotifier: routes.update,
    deleteNotifier: routes.remove,
    testNotifier: routes.test,
  }
}
