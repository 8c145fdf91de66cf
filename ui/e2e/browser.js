// Browsers and the people in them: what a person does on a page, by role and label.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { LONGEST_MS, until } from "./until.js";

export const CHROMIUM =
  process.env.SKEP_CHROMIUM ??
  ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync) ??
  "/usr/bin/chromium";

const FLAGS = [
  "--no-sandbox",
  "--headless",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let launched;
const browser = () => (launched ??= chromium.launch({ executablePath: CHROMIUM, args: FLAGS }));

export async function closeBrowser() {
  const open = await launched?.catch(() => undefined);
  launched = undefined;
  await open?.close();
}

/** One person with a browser of their own: cookies, storage and clipboard apart from others'. */
export class Person {
  /** What went wrong in the page: uncaught errors and the console's. */
  faults = [];
  clicks = 0;

  constructor(name, context, page) {
    this.name = name;
    this.context = context;
    this.page = page;
  }

  static async arrive(name, options = {}) {
    const context = await (
      await browser()
    ).newContext({
      viewport: { width: 1280, height: 800 },
      permissions: ["clipboard-read", "clipboard-write"],
      locale: "en-GB",
      ...options,
    });
    context.setDefaultTimeout(LONGEST_MS);
    const person = new Person(name, context, await context.newPage());
    person.page.on("pageerror", (error) => person.faults.push(String(error.stack ?? error)));
    return person;
  }

  /** Has told a name in this browser before. */
  named() {
    const tell = (name) => {
      if (location.protocol.startsWith("http")) localStorage.setItem("skep:name", name);
    };
    return this.page.addInitScript(tell, this.name);
  }

  button(name, exact = true) {
    return this.page.getByRole("button", { name, exact });
  }

  /** A click that is counted. */
  async click(target) {
    this.clicks += 1;
    await target.click();
  }

  /** Opens a menu by its button, and takes one of its items. */
  async chooses(menu, item) {
    await this.button(menu).click();
    await this.page.getByRole("menu").getByText(item, { exact: true }).click();
  }

  // The text of an open document

  get text() {
    return this.page.getByRole("textbox", { name: /^Text of / });
  }

  get chip() {
    return this.page.getByRole("status", { name: "Document state" });
  }

  /** What the text area shows. For texts that fit the window. */
  shown() {
    return this.text.evaluate((area) =>
      [...area.querySelectorAll(".cm-line")].map((line) => line.textContent).join("\n"),
    );
  }

  /** Where the own caret is, as an offset into the text. */
  caret() {
    return this.text.evaluate((area) => {
      const { focusNode, focusOffset } = getSelection();
      const lines = [...area.querySelectorAll(".cm-line")];
      const line = lines.findIndex((one) => one.contains(focusNode));
      if (line < 0) return -1;
      const before = document.createRange();
      before.setStart(lines[line], 0);
      before.setEnd(focusNode, focusOffset);
      const above = lines.slice(0, line).reduce((sum, one) => sum + one.textContent.length + 1, 0);
      return above + before.toString().length;
    });
  }

  async opens(url) {
    await this.page.goto(url);
    return this;
  }

  /** Opens a document and waits until it can be written in. */
  async edits(url) {
    await this.opens(url);
    await this.ready();
    return this;
  }

  async ready() {
    await this.text.waitFor();
    await this.isSaved();
  }

  /** Puts the caret at the end of the text. */
  async toEnd() {
    await this.text.focus();
    await this.page.keyboard.press("Control+End");
  }

  async types(words) {
    await this.page.keyboard.type(words);
  }

  async sees(words, { within } = {}) {
    const shows = async () => (await this.shown()).includes(words);
    await until(`${this.name} sees “${words}”`, shows, { within });
  }

  chipSays(words, { within } = {}) {
    const says = async () => (await this.chip.innerText()).replace(/\s+/g, " ").includes(words);
    return until(`${this.name}'s chip says “${words}”`, says, { within });
  }

  isSaved() {
    return this.chipSays("Live Saved");
  }

  /** The carets of others that this page shows, by name. */
  carets() {
    return this.page
      .locator(".sk-caret")
      .evaluateAll((carets) => carets.map((caret) => caret.dataset.name).sort());
  }

  async seesInPage(words, { within } = {}) {
    const found = this.page.getByText(words).filter({ visible: true }).first();
    await found.waitFor({ timeout: within ?? LONGEST_MS });
  }

  async leaves() {
    await this.context.close();
  }
}
