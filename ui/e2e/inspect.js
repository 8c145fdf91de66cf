// Looks at a page as somebody would who cannot see it, has little room, or wants it dark.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const THEMES = ["light", "dark"];
/** A folder for screenshots of everything, if somebody wants to look. */
const PICTURES = process.env.SKEP_PICTURES;
const WIDTHS = PICTURES ? [320, 768, 1280, 2560] : [320, 768, 1280];

/** Looks at what is shown in both themes and widths. */
export async function inspect(person, name, faults) {
  const { page } = person;
  await page.evaluate(() => document.fonts.ready);
  // A colour on its way from one theme to the other is neither.
  await page.addStyleTag({ content: "*, ::before, ::after { transition: none !important }" });
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width < 640 ? 640 : 800 });
    for (const theme of THEMES) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      const where = `${name}, ${theme}, ${width} px`;
      const wide = await page.evaluate(() =>
        ["html", "dialog[open]", "aside"]
          .flatMap((part) => [...document.querySelectorAll(part)])
          .map((one) => one.scrollWidth - one.clientWidth)
          .reduce((most, more) => Math.max(most, more), 0),
      );
      if (wide > 0) faults.push(`${where}: ${wide} px too wide`);
      if (!(await page.evaluate(() => "axe" in window))) await page.addScriptTag({ path: AXE });
      // Only colours differ between the themes, and the whole look takes seconds.
      const found = await page.evaluate(
        (rules) => window.axe.run({ resultTypes: ["violations"], ...rules }),
        theme === "light" ? {} : { runOnly: ["color-contrast"] },
      );
      for (const { id, nodes } of found.violations) {
        const parts = nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`);
        faults.push(`${where}: ${id}: ${parts.join(" | ").replace(/\s+/g, " ")}`);
      }
      if (!PICTURES) continue;
      await mkdir(PICTURES, { recursive: true });
      const file = `${name.replace(/\W+/g, "-")}-${width}-${theme}.png`;
      await page.screenshot({ path: join(PICTURES, file) });
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: "light" });
}

export const told = (faults) => assert.equal(faults.length, 0, `\n${faults.join("\n")}`);

// The page's own policy forbids scripts from elsewhere, and so the one that looks at it.
export const OPEN = { bypassCSP: true };
