// Other programs at a document through stock clients: y-websocket, Hocuspocus, and MobWrite's lines.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import { build } from "vite";
import WebSocket from "ws";
import * as Y from "yjs";
import { Program } from "./program.js";
import { story } from "./story.js";
import { until, untilEqual } from "./until.js";

const onDisk = (world, path) => readFile(world.hive.path(path), "utf8");

/** Shares a file's folder and lets a program into the file. */
async function letIn(world, path, ...wishes) {
  const [folder] = path.split("/");
  const shares = await world.hive.json("ls");
  if (!shares.length) await world.hive.share(folder, "--view");
  const letIn = () => world.hive.json("program", world.hive.path(path), ...wishes);
  return until("the file is known", letIn);
}

/** A stock y-websocket client with a program's token. */
function yjs(world, made) {
  const { url, params } = made.yjs;
  const program = new Program({ url, params, room: made.room, text: made.text });
  world.later(() => program.leave());
  return program;
}

/** A stock Hocuspocus client: one line, and documents on it. */
class Line {
  constructor(world, made) {
    this.socket = new HocuspocusProviderWebsocket({
      url: made.hocuspocus.url,
      WebSocketPolyfill: WebSocket,
      delay: 100,
      minDelay: 100,
    });
    this.documents = [];
    world.later(() => this.leave());
  }

  open(made, token = made.token) {
    const doc = new Y.Doc();
    const told = { denied: [], closed: [], stateless: [], scopes: [] };
    const provider = new HocuspocusProvider({
      websocketProvider: this.socket,
      name: made.room,
      token,
      document: doc,
      onAuthenticated: ({ scope }) => told.scopes.push(scope),
      onAuthenticationFailed: ({ reason }) => told.denied.push(reason),
      onClose: ({ event }) => told.closed.push(event.reason),
      onStateless: ({ payload }) => told.stateless.push(JSON.parse(payload)),
    });
    provider.attach();
    const content = doc.getText(made.text);
    const one = { provider, content, told, text: () => content.toString() };
    this.documents.push(provider);
    return one;
  }

  leave() {
    for (const provider of this.documents) provider.destroy();
    this.socket.destroy();
  }
}

story(
  "Hocuspocus: two documents on one line, edits both ways, each told as durable",
  { files: { "Trip/plan.md": "one\n", "Trip/list.md": "milk\n" } },
  async (world) => {
    const plan = await letIn(world, "Trip/plan.md", "--edit", "--name", "Tiptap");
    const list = await letIn(world, "Trip/list.md", "--edit");
    const [ada, bo] = [new Line(world, plan), new Line(world, plan)];
    const [one, two] = [ada.open(plan), bo.open(plan)];
    const other = ada.open(list);
    await until("all are in sync", () => [one, two, other].every((at) => at.provider.isSynced));
    assert.deepEqual([one.text(), other.text()], ["one\n", "milk\n"]);
    assert.deepEqual(one.told.scopes, ["read-write"]);
    one.content.insert(0, "zero 🐝 ");
    two.content.insert(two.content.length, "two\n");
    other.content.insert(0, "bread, ");
    for (const at of [one, two, other]) {
      await until("it is durable", () => !at.provider.hasUnsyncedChanges);
    }
    await untilEqual("the first", one.text, "zero 🐝 one\ntwo\n");
    await untilEqual("the second", two.text, "zero 🐝 one\ntwo\n");
    await untilEqual("on disk", () => onDisk(world, "Trip/plan.md"), "zero 🐝 one\ntwo\n");
    await untilEqual("the other", () => onDisk(world, "Trip/list.md"), "bread, milk\n");
    one.provider.awareness.setLocalStateField("user", { name: "Robot" });
    const names = () =>
      [...two.provider.awareness.getStates().values()].map((state) => state.user?.name);
    await until("it sees who is here", () => names().includes("Robot"));
  },
);

story(
  "Hocuspocus: a reader is told why, a wrong token opens nothing, a token taken back ends its line",
  { files: { "Trip/plan.md": "one\n", "Trip/list.md": "milk\n" } },
  async (world) => {
    const reads = await letIn(world, "Trip/plan.md");
    const writes = await letIn(world, "Trip/plan.md", "--edit");
    const line = new Line(world, reads);
    const reader = line.open(reads);
    await until("the reader is in sync", () => reader.provider.isSynced);
    assert.deepEqual(reader.told.scopes, ["readonly"]);
    await until("it waits for nothing", () => !reader.provider.hasUnsyncedChanges);
    reader.content.insert(0, "not allowed ");
    await until("it hears why", () => reader.told.stateless.some((one) => one.denied));
    assert.match(reader.told.stateless.find((one) => one.denied).denied.detail, /only view/);
    assert.ok(reader.provider.hasUnsyncedChanges, "nothing was acknowledged");

    const list = await letIn(world, "Trip/list.md", "--edit");
    const wrong = new Line(world, reads).open({ ...list, token: writes.token });
    await until("another document's token is refused", () => wrong.told.denied.length > 0);
    assert.equal(wrong.text(), "");

    const writer = new Line(world, writes).open(writes);
    await until("the writer is in sync", () => writer.provider.isSynced);
    assert.equal(writer.text(), "one\n");
    writer.content.insert(0, "half a sen");
    await until("it is durable", () => !writer.provider.hasUnsyncedChanges);
    await world.hive.skep("keys", "revoke", writes.id);
    await until("it hears that it is over", () => writer.told.denied.length > 0);
    writer.content.insert(10, "tence");
    await untilEqual("the file", () => onDisk(world, "Trip/plan.md"), "half a senone\n");
    await until("the reader reads on", () => reader.text().includes("half a sen"));
  },
);

story(
  "stock clients come back after a restart of the hive without doubled text",
  { files: { "Trip/plan.md": "one\n" } },
  async (world) => {
    const made = await letIn(world, "Trip/plan.md", "--edit");
    const one = new Line(world, made).open(made);
    const two = yjs(world, made);
    await two.synced();
    await until("both are in sync", () => one.provider.isSynced);
    for (const round of [1, 2]) {
      if (round === 1) await world.hive.stop();
      else await world.hive.kill();
      one.content.insert(0, `h${round} `);
      two.content.insert(two.content.length, `y${round}\n`);
      await world.hive.start();
      await until("it is durable", () => one.provider.isSynced && !one.provider.hasUnsyncedChanges);
      const all = round === 1 ? "h1 one\ny1\n" : "h2 h1 one\ny1\ny2\n";
      await untilEqual("one", one.text, all);
      await untilEqual("two", () => two.text, all);
      await untilEqual("the file", () => onDisk(world, "Trip/plan.md"), all);
    }
  },
);

story(
  "y-websocket: a reader is told why, and a token opens its own document alone",
  { files: { "Trip/plan.md": "one\n", "Trip/list.md": "milk\n" } },
  async (world) => {
    const reads = await letIn(world, "Trip/plan.md");
    const warned = [];
    const warn = console.warn;
    console.warn = (...words) => warned.push(words.join(" "));
    world.later(() => (console.warn = warn));
    const reader = yjs(world, reads);
    await reader.synced();
    reader.content.insert(0, "not allowed ");
    await until("it hears why", () => warned.some((words) => /may only view/.test(words)));
    const list = await letIn(world, "Trip/list.md", "--edit");
    const wrong = yjs(world, { ...list, yjs: reads.yjs });
    await until("it is turned away", () => wrong.closed.includes(4403));
    assert.equal(wrong.text, "");
    assert.equal(await onDisk(world, "Trip/plan.md"), "one\n");
  },
);

story(
  "strange frames end their own line, and the room goes on",
  { files: { "Trip/plan.md": "one\n" } },
  async (world) => {
    const made = await letIn(world, "Trip/plan.md", "--edit");
    const good = new Line(world, made).open(made);
    await until("it is in sync", () => good.provider.isSynced);
    const name = Buffer.from(made.room);
    const about = (...bytes) =>
      Buffer.concat([Buffer.from([name.length]), name, Buffer.from(bytes)]);
    const token = Buffer.from(made.token);
    const signIn = about(2, 0, token.length, ...token, 0);
    const flood = Array.from({ length: 70 }, () => about(0, 0, 1, 0));
    const cases = {
      "no frame at all": [Buffer.from([255, 255, 255])],
      "too much before a token": flood,
      "an update that is none": [signIn, about(0, 2, 3, 9, 9, 9)],
    };
    for (const [what, frames] of Object.entries(cases)) {
      const socket = new WebSocket(made.hocuspocus.url);
      const heard = [];
      socket.on("open", () => frames.forEach((frame) => socket.send(frame)));
      socket.on("message", (data) => heard.push(data));
      let code = 0;
      socket.on("close", (closed) => (code = closed));
      const ended = () => code >= 4400 || heard.some((data) => data[name.length + 1] === 7);
      await until(`${what} is refused`, ended);
      world.tell(`${what}: ${code || heard.at(-1).subarray(name.length + 3)}`);
      socket.terminate();
    }
    good.content.insert(0, "still ");
    await until("the room goes on", () => !good.provider.hasUnsyncedChanges);
    await untilEqual("the file", () => onDisk(world, "Trip/plan.md"), "still one\n");
  },
);

/** The script of a foreign page, as one file. */
async function bundled(name) {
  const entry = fileURLToPath(new URL(name, import.meta.url));
  const lib = { entry, formats: ["iife"], name: "foreign" };
  const options = { configFile: false, logLevel: "error", build: { write: false, lib } };
  const [{ output }] = await build(options);
  return output[0].code;
}

story(
  "CodeMirror 5 on a foreign page and a page of the hive write in one text",
  { files: { "Trip/plan.md": "one\n" } },
  async (world) => {
    const made = await letIn(world, "Trip/plan.md", "--edit");
    const ada = await world.owner();
    await ada.edits(await world.fileUrl("Trip/plan.md"));
    const visitor = await world.person("Foreign");
    const { page } = visitor;
    await page.setContent("<body></body>");
    await page.addScriptTag({ content: await bundled("codemirror5.js") });
    await page.evaluate(
      ([at, room, text]) => window.opens(at, room, text),
      [made.yjs, made.room, made.text],
    );
    const foreign = () => page.evaluate(() => window.editor.getValue());
    await until("it is in sync", () => page.evaluate(() => window.isSynced()));
    assert.equal(await foreign(), "one\n");
    await page.locator(".CodeMirror textarea").focus();
    await page.keyboard.press("Control+End");
    await page.keyboard.type("from a foreign page");
    await ada.sees("from a foreign page");
    await page.evaluate(() => window.editor.setCursor(0, 2));
    await untilEqual("its caret is in the page", () => ada.carets(), ["Foreign page"]);
    await ada.toEnd();
    await ada.types(" 🐝");
    await untilEqual("the same there", foreign, "one\nfrom a foreign page 🐝");
    // The binding reads places of cursors as text, as it alone writes them, and says so.
    const own = visitor.faults.filter((fault) => !fault.includes("is not valid JSON"));
    assert.deepEqual(own, []);
    visitor.faults = [];
  },
);

/** What MobWrite's door answers to some lines. */
async function form(made, lines) {
  const body = new URLSearchParams({ q: `${lines.join("\n")}\n\n` });
  const answer = await fetch(made.mobwrite.url, { method: "POST", body });
  return answer.text();
}

function overTcp(made, lines) {
  const [host, port] = made.mobwrite.tcp.split(":");
  return new Promise((resolve, reject) => {
    let heard = "";
    const socket = connect(Number(port), host, () => socket.write(`${lines.join("\n")}\n\n`));
    socket.setEncoding("utf8").on("data", (text) => (heard += text));
    socket.on("end", () => resolve(heard)).on("error", reject);
  });
}

story(
  "MobWrite: lines over HTTP, TCP and scripts, beside a page, with an emoji",
  { files: { "Trip/plan.md": "a 🐝\n" }, settings: { SKEP_MOBWRITE_PORT: "0" } },
  async (world) => {
    const made = await letIn(world, "Trip/plan.md", "--edit");
    const { file } = made.mobwrite;
    assert.equal(
      await form(made, ["u:x", `F:0:${file}`, "r:1:"]),
      `F:1:${file}\nd:0:+a %F0%9F%90%9D%0A\n\n`,
    );
    const answer = await form(made, ["u:x", `F:1:${file}`, "d:1:=4\t+!\t=1"]);
    assert.equal(answer, `F:2:${file}\nd:1:=6\n\n`);
    await untilEqual("the file", () => onDisk(world, "Trip/plan.md"), "a 🐝!\n");

    const program = yjs(world, made);
    await program.synced();
    program.content.insert(0, "🍯 ");
    await until("the room has it", async () => {
      const heard = await form(made, ["u:y", `F:0:${file}`, "r:1:"]);
      return heard.includes("%F0%9F%8D%AF");
    });
    const both = await form(made, ["u:x", `F:2:${file}`, "d:2:=5\t+!\t=1"]);
    assert.equal(both, `F:3:${file}\nd:2:+%F0%9F%8D%AF \t=7\n\n`);

    const again = await until("the door is open", async () => {
      const list = await world.hive.json("program", world.hive.path("Trip/plan.md"));
      return list.mobwrite.tcp && list;
    });
    const lines = await overTcp(again, ["u:z", `F:0:${again.mobwrite.file}`, "r:1:"]);
    assert.match(lines, /^F:1:doc-.*\nd:0:\+%F0%9F%8D%AF a %F0%9F%90%9D!!%0A\n$/);
    const refused = await overTcp(again, ["u:z", `F:1:${again.mobwrite.file}`, "d:1:-8\t=2"]);
    assert.match(refused, /^F:2:doc-.*\nO:doc-.*\n/, "a reader is told");
    const script = await fetch(
      `${made.mobwrite.url}?p=${encodeURIComponent(`u:s\nF:0:${file}\nr:1:\n\n`)}`,
    );
    assert.match(await script.text(), /^mobwrite\.callback\("F:1:.*\\n"\);$/);

    assert.equal(await form(made, ["u:x", "F:0:doc-wrong", "r:1:x"]), "!:doc-wrong\n\n");
    await world.hive.skep("keys", "revoke", made.id);
    assert.equal(await form(made, ["u:x", `F:4:${file}`, "d:3:=8"]), `!:${file}\n\n`);
    await untilEqual("the file", () => onDisk(world, "Trip/plan.md"), "🍯 a 🐝!!\n");
  },
);

story(
  "MobWrite: Komob's clients see who is where",
  { files: { "Trip/plan.md": "ä one\n" } },
  async (world) => {
    const made = await letIn(world, "Trip/plan.md", "--edit");
    const { file } = made.mobwrite;
    const program = yjs(world, made);
    await program.synced();
    const about = `m:${JSON.stringify({ cursor: { start: 3, end: 6 }, displayName: "Kim" })}`;
    await form(made, ["u:k", `F:0:${file}`, "r:1:", about]);
    const kim = () =>
      [...program.line.awareness.getStates().values()].find((state) => state.user?.name === "Kim");
    await until("the program sees Kim", () => kim()?.cursor);
    const place = (json) =>
      Y.createAbsolutePositionFromRelativePosition(
        Y.createRelativePositionFromJSON(json),
        program.doc,
      ).index;
    assert.deepEqual([place(kim().cursor.anchor), place(kim().cursor.head)], [2, 5]);

    const at = (index) =>
      Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(program.content, index));
    program.line.awareness.setLocalStateField("user", { name: "Robot" });
    program.line.awareness.setLocalStateField("cursor", { anchor: at(1), head: at(1) });
    const robot = await until("Kim sees the program", async () => {
      const lines = (await form(made, ["u:k", `F:1:${file}`, "d:1:=6"])).split("\n");
      const all = Object.values(JSON.parse(lines.find((line) => line.startsWith("M:")).slice(2)));
      return all.find((one) => one.displayName === "Robot" && one.cursor);
    });
    assert.deepEqual(robot.cursor, { start: 2, end: 2 });
    await form(made, ["u:k", `X:${file}`]);
    await until("Kim is gone", () => !kim());
  },
);

/** The conversations of mobwrite.txt: a name, and what is sent and answered in turn. */
async function conversations() {
  const text = await readFile(new URL("mobwrite.txt", import.meta.url), "utf8");
  return text
    .split(/^= /m)
    .slice(1)
    .map((one) => {
      const [name, ...lines] = one.trimEnd().split("\n");
      const turns = lines.join("\n").trim().split(/^---$/m);
      const part = (turn, mark) =>
        turn
          .split("\n")
          .filter((line) => line.startsWith(mark))
          .map((line) => line.slice(2).replaceAll("\\t", "\t"));
      return {
        name,
        turns: turns.map((turn) => ({ sent: part(turn, ">"), told: part(turn, "<") })),
      };
    });
}

story(
  "MobWrite: conversations, over HTTP and over TCP",
  { settings: { SKEP_MOBWRITE_PORT: "0" } },
  async (world) => {
    const all = await conversations();
    const ways = { http: form, tcp: overTcp };
    const files = Object.keys(ways).flatMap((way) => all.map((_, at) => [`T/${way}${at}.txt`, ""]));
    await world.hive.put(Object.fromEntries(files));
    await world.hive.share("T", "--view");
    const keys = await Promise.all(files.map(([path]) => letIn(world, path, "--edit")));
    const { tcp } = await until("the door is open", async () => {
      const { mobwrite } = await letIn(world, files[0][0]);
      return mobwrite.tcp && mobwrite;
    });
    for (const [way, ask] of Object.entries(ways)) {
      for (const { name, turns } of all) {
        const { mobwrite } = keys.shift();
        const of = (line) => line.replaceAll("FILE", mobwrite.file);
        for (const { sent, told } of turns) {
          const heard = await ask({ mobwrite: { ...mobwrite, tcp } }, sent.map(of));
          const lines = heard.split("\n").filter((line) => line);
          assert.deepEqual(lines, told.map(of), `${way}: ${name}`);
        }
      }
    }
    world.tell(`${all.length} conversations`);
  },
);

story(
  "a share's JSON documents can be asked",
  {
    files: {
      "Trip/a.json": '{"stops":[{"name":"Ulm","nights":2},{"name":"Rome","nights":4}]}',
      "Trip/b.json": '{"stops":[{"name":"Oslo","nights":3}]}',
      "Trip/broken.json": "{",
      "Trip/c.txt": '{"stops":[{"name":"no","nights":9}]}',
    },
  },
  async (world) => {
    await world.hive.share("Trip", "--view");
    const { token } = await world.hive.json("program", world.hive.path("Trip"), "--edit");
    const ada = await world.owner();
    const [share] = await world.hive.json("ls");
    const ask = (path) =>
      ada.page.evaluate(
        async ([id, path]) => {
          const call = `/api/v1/shares/${id}/query?path=${encodeURIComponent(path)}`;
          const answer = await fetch(call);
          return { status: answer.status, ...(await answer.json()) };
        },
        [share.id, path],
      );
    const long = await ask("$.stops[?@.nights > 2].name");
    assert.deepEqual(long.found.map((one) => one.value).sort(), ["Oslo", "Rome"]);
    assert.equal(long.found.find((one) => one.value === "Rome").at, "$['stops'][1]['name']");
    assert.deepEqual(
      long.unread.map((one) => one.path),
      ["broken.json"],
    );
    assert.equal((await ask("$.stops[")).status, 422);
    assert.equal((await ask("$..a..b..c")).status, 422);
    const stranger = await fetch(`${world.hive.url}/api/v1/shares/${share.id}/query?path=$`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(stranger.status, 403);
  },
);
