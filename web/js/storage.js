/** JSON in the browser's storages. What cannot be read counts as absent. */

function storedJson(storage) {
  return {
    read(key) {
      try {
        return JSON.parse(storage().getItem(key));
      } catch {
        return null;
      }
    },
    write(key, value) {
      storage().setItem(key, JSON.stringify(value));
    },
    remove(key) {
      storage().removeItem(key);
    },
  };
}

/** Until the tab closes; survives a reload. */
export const tab = storedJson(() => sessionStorage);

/** Until the shopper clears it. */
export const device = storedJson(() => localStorage);
