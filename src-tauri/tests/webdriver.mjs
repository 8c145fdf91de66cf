// The few WebDriver commands that the tests need.
import { freePort, until } from "./world.mjs";

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

export class Driver {
  static async start(world, ...args) {
    const driver = new Driver();
    const [port, native] = [await freePort(), await freePort()];
    const server = world.spawn("tauri-driver", [
      "--port",
      String(port),
      "--native-port",
      String(native),
    ]);
    driver.base = `http://127.0.0.1:${port}`;
    await until(
      `the driver listens: ${server.said}`,
      async () => (await fetch(`${driver.base}/status`)).ok,
    );
    const application = process.env.SKEP_DESKTOP;
    const capabilities = {
      alwaysMatch: { browserName: "wry", "tauri:options": { application, args } },
    };
    const { sessionId } = await driver.#call("POST", "/session", { capabilities });
    driver.base += `/session/${sessionId}`;
    world.page = driver;
    return driver;
  }

  script(script, ...args) {
    return this.#call("POST", "/execute/sync", { script, args });
  }

  url() {
    return this.#call("GET", "/url");
  }

  /** Waits for an element by the XPath of what a person sees of it. */
  find(xpath) {
    const body = { using: "xpath", value: xpath };
    return until(xpath, async () => (await this.#call("POST", "/element", body))[ELEMENT]);
  }

  button(words) {
    return this.find(`//*[self::button or self::a][contains(normalize-space(.), "${words}")]`);
  }

  async press(words) {
    const element = await this.button(words);
    await until(`${words} can be pressed`, async () => {
      await this.#call("POST", `/element/${element}/click`, {});
      return true;
    });
  }

  async type(xpath, text) {
    const element = await this.find(xpath);
    await this.#call("POST", `/element/${element}/clear`, {});
    await this.#call("POST", `/element/${element}/value`, { text });
  }

  async picture() {
    return Buffer.from(await this.#call("GET", "/screenshot"), "base64");
  }

  end() {
    return this.#call("DELETE", "");
  }

  async #call(method, path, body) {
    const answer = await fetch(this.base + path, {
      method,
      body: body && JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value?.error}: ${value?.message}`);
    return value;
  }
}
