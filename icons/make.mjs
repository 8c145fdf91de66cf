// Draws every icon from skep.svg: PNG sizes, the .ico and .icns containers, symbolic SVGs.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { Resvg } from "@resvg/resvg-js";

const STATES = ["open", "syncing", "paused", "shut", "needs", "two"];
const APP_SIZES = [16, 22, 24, 32, 44, 64, 128, 256, 512];
const TRAY_SIZES = [16, 22, 24, 32, 44, 64];
const FINE_FROM = 32;
const WOVEN_FROM = 64;

const source = await readFile(new URL("skep.svg", import.meta.url), "utf8");
const target = (name) => new URL(name, import.meta.url);

for (const folder of ["app", "tray", "template", "symbolic"]) {
  await mkdir(target(folder), { recursive: true });
}

const app = new Map();
for (const size of APP_SIZES) {
  app.set(size, draw("colour open", size));
  await writeFile(target(`app/${size}.png`), app.get(size));
}
await writeFile(target("../src-tauri/pages/mark.png"), app.get(128));
await writeFile(target("skep.ico"), ico([16, 24, 32, 64, 256]));
await writeFile(target("skep.icns"), icns());

for (const state of STATES) {
  for (const size of TRAY_SIZES) {
    await writeFile(target(`tray/${state}-${size}.png`), draw(`colour ${state}`, size));
  }
  await writeFile(target(`template/${state}.png`), draw(`mono ${state}`, 44));
  await writeFile(target(`symbolic/skep-${state}-symbolic.svg`), symbolic(state));
}

function dressed(classes) {
  return source.replace(/class="colour open"/, `class="${classes}"`);
}

function draw(classes, size) {
  const coloured = classes.startsWith("colour");
  const fine = coloured && size >= FINE_FROM ? " fine" : "";
  const woven = coloured && size >= WOVEN_FROM ? " woven" : "";
  const options = { fitTo: { mode: "width", value: size } };
  return new Resvg(dressed(classes + fine + woven), options).render().asPng();
}

/** A symbolic icon is recoloured by the desktop, so only plain shapes may stay in it. */
function symbolic(state) {
  const bands = source
    .match(/<g class="bands">[\s\S]*?<\/g>/)[0]
    .replace(/\s*<path class="weave".*\/>/, "");
  const cut = source.match(new RegExp(`<clipPath id="cut-${state}">.*</clipPath>`))?.[0] ?? "";
  const mark = [...source.matchAll(/<g class="state (\w+)">(<path class="(?:bar|warn)".*?)<\/g>/g)]
    .filter(([, of]) => of === state)
    .map(([, , path]) => path.replace(/ class="\w+"/, ""));
  const clip = cut ? ` clip-path="url(#cut-${state})"` : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 64 64" fill="#2e3436">
${cut ? `<defs>${cut}</defs>\n` : ""}${bands.replace(' class="bands"', clip).replace(/\n\s+/g, "\n")}
${mark.map((path) => path + "\n").join("")}</svg>
`;
}

function ico(sizes) {
  const head = Buffer.alloc(6 + 16 * sizes.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(sizes.length, 4);
  let offset = head.length;
  sizes.forEach((size, index) => {
    const at = 6 + 16 * index;
    const bytes = app.get(size).length;
    head.writeUInt8(size % 256, at);
    head.writeUInt8(size % 256, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(bytes, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += bytes;
  });
  return Buffer.concat([head, ...sizes.map((size) => app.get(size))]);
}

function icns() {
  const kinds = { icp4: 16, icp5: 32, icp6: 64, ic07: 128, ic08: 256, ic09: 512 };
  const parts = Object.entries(kinds).map(([kind, size]) => block(kind, app.get(size)));
  return block("icns", Buffer.concat(parts));
}

function block(kind, bytes) {
  const head = Buffer.alloc(8);
  head.write(kind, 0, "latin1");
  head.writeUInt32BE(bytes.length + 8, 4);
  return Buffer.concat([head, bytes]);
}
