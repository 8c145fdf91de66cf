// Markdown and its preview: tasks that are ticked, formulas, diagrams, pictures that are pasted.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { story } from "./story.js";
import { until, untilEqual } from "./until.js";

const TEXT = `# Plan

- [ ] tent
- [x] stove

Area $a^2$ and

$$
\\frac{1}{2}
$$

\`\`\`mermaid
graph TD
  Home --> Coast
\`\`\`

\`\`\`mermaid
this is no diagram
\`\`\`

<img src=x onerror="window.ran = true"><script>window.ran = true</script>

| What | Who |
| --- | --- |
| bread | Bo |
`;

// A picture of one dot.
const DOT =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** As a browser does it when a picture of the clipboard is pasted into the text. */
const pastes = (person, name, base64) =>
  person.text.evaluate(
    (area, [name, base64]) => {
      const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File([bytes], name, { type: "image/png" }));
      const options = { clipboardData, bubbles: true, cancelable: true };
      area.dispatchEvent(new ClipboardEvent("paste", options));
    },
    [name, base64],
  );

story(
  "the preview of Markdown is drawn, ticked, and takes pictures",
  { files: { "Trip/notes/plan.md": TEXT } },
  async (world) => {
    const { link } = await world.hive.share("Trip", "--edit");
    const ada = await world.owner();
    await ada.edits(await world.fileUrl("Trip/notes/plan.md"));
    await ada.page.getByRole("radio", { name: "Split" }).check();
    const preview = ada.page.getByRole("region", { name: "Preview" });
    await preview.getByRole("table").waitFor();
    await preview.locator(".katex-display .mfrac").waitFor();
    const diagram = preview.getByRole("img", { name: /^Diagram: graph TD/ });
    await until("the diagram is drawn", () =>
      diagram.evaluate((image) => image.complete && image.naturalWidth > 50),
    );
    await preview.getByText("This diagram cannot be drawn.").waitFor();
    assert.equal(await ada.page.evaluate(() => window.ran), undefined);

    const bo = await world.person("Bo");
    await bo.named();
    await bo.opens(link);
    await bo.button("notes").click();
    await bo.button("plan.md").click();
    await bo.ready();
    await preview.getByRole("checkbox", { name: "tent" }).check();
    await bo.sees("- [x] tent");
    await preview.getByRole("checkbox", { name: "stove" }).uncheck();
    await bo.sees("- [ ] stove");

    await ada.toEnd();
    await pastes(ada, "dot.png", DOT);
    await bo.sees("![dot](dot.png)");
    await pastes(ada, "dot.png", DOT);
    await bo.sees("![dot](dot.png)![dot-2](dot-2.png)");
    const shown = () =>
      preview.getByRole("img", { name: "dot-2" }).evaluate((image) => image.naturalWidth);
    await untilEqual("the picture is shown", shown, 1);
    const folder = world.hive.path("Trip/notes");
    const names = async () => (await readdir(folder)).filter((one) => !one.startsWith("."));
    assert.deepEqual((await names()).sort(), ["dot-2.png", "dot.png", "plan.md"]);
    assert.equal((await readFile(`${folder}/dot.png`)).toString("base64"), DOT);
  },
);
