/** An object store of which some calls are replaced, for parts that are broken on purpose. */
import type { ObjectStore } from '../../storage/object-store.ts';

export function overriding(store: ObjectStore, part: Partial<ObjectStore>): ObjectStore {
  return {
    url: store.url,
    get: (key, options) => store.get(key, options),
    put: (key, body, options) => store.put(key, body, options),
    putIfAbsent: (key, body, options) => store.putIfAbsent(key, body, options),
    putIfMatch: (key, body, etag, options) => store.putIfMatch(key, body, etag, options),
    list: (prefix, options) => store.list(prefix, options),
    delete: (key, options) => store.delete(key, options),
    close: () => store.close(),
    ...part,
  };
}
