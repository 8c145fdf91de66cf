// A tray host as far as a test needs one: takes items in, reads their menus, clicks.
import dbus from "dbus-next";

const { Interface } = dbus.interface;
const NAME = "org.kde.StatusNotifierWatcher";
const ITEM = "org.kde.StatusNotifierItem";
const MENU = "com.canonical.dbusmenu";

class WatcherInterface extends Interface {
  items = [];
  RegisteredStatusNotifierItems = [];
  IsStatusNotifierHostRegistered = true;
  ProtocolVersion = 0;
  RegisterStatusNotifierItem(service) {
    this.items.push(service);
  }
  RegisterStatusNotifierHost() {}
}
WatcherInterface.configureMembers({
  properties: {
    RegisteredStatusNotifierItems: { signature: "as", access: "read" },
    IsStatusNotifierHostRegistered: { signature: "b", access: "read" },
    ProtocolVersion: { signature: "i", access: "read" },
  },
  methods: {
    RegisterStatusNotifierItem: { inSignature: "s", outSignature: "" },
    RegisterStatusNotifierHost: { inSignature: "s", outSignature: "" },
  },
});

export class Watcher {
  static async start(bus) {
    const watcher = new Watcher();
    watcher.bus = bus;
    watcher.seen = new WatcherInterface(NAME);
    bus.export("/StatusNotifierWatcher", watcher.seen);
    await bus.requestName(NAME);
    return watcher;
  }

  get count() {
    return this.seen.items.length;
  }

  async property(name) {
    const item = await this.#object("/StatusNotifierItem");
    const properties = item.getInterface("org.freedesktop.DBus.Properties");
    return (await properties.Get(ITEM, name)).value;
  }

  async activate() {
    const item = await this.#object("/StatusNotifierItem");
    await item.getInterface(ITEM).Activate(0, 0);
  }

  /** Every line of the menu, submenus included: `{ id, label, enabled, checked, parent }`. */
  async lines() {
    const menu = await this.#menu();
    const [, root] = await menu.GetLayout(0, -1, []);
    const lines = [];
    const walk = ([id, properties, children], parent) => {
      const value = (name) => properties[name]?.value;
      const label = (value("label") ?? "").replaceAll("__", "_");
      lines.push({
        id,
        label,
        enabled: value("enabled") ?? true,
        checked: value("toggle-state") === 1,
        parent,
      });
      for (const child of children) walk(child.value, label);
    };
    walk(root, undefined);
    return lines;
  }

  async labels() {
    return (await this.lines()).map((line) => line.label).filter(Boolean);
  }

  async click(label) {
    const line = (await this.lines()).find((line) => line.label === label);
    if (!line?.enabled) throw new Error(`The menu has no line “${label}” to click`);
    await (await this.#menu()).Event(line.id, "clicked", new dbus.Variant("i", 0), 0);
  }

  async #menu() {
    return (await this.#object("/MenuBar")).getInterface(MENU);
  }

  #object(path) {
    return this.bus.getProxyObject(this.seen.items.at(-1), path);
  }
}
