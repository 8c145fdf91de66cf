// Texts that are too large to be edited live are read all the same, and say why.

import { story } from "./story.js";
import { timed } from "./until.js";

const lines = (count, of) => Array.from({ length: count }, (_, n) => `${of} ${n}`).join("\n");

story(
  "a text of six megabytes is read and searched, with the reason why it is not edited",
  {
    files: {
      "Trip/large.txt": lines(400_000, "a line of it"),
      "Trip/long.txt": lines(300_000, "line"),
    },
  },
  async (world) => {
    await world.hive.share("Trip", "--edit");
    const ada = await world.owner();
    await ada.opens(await world.fileUrl("Trip/large.txt"));
    await ada.page.getByRole("alert").getByText("Files up to 5 MB can be edited live").waitFor();
    await ada.seesInPage("a line of it 0");
    await ada.seesInPage("To be read, not to be edited.");
    await ada.button("Go to line…").click();
    await ada.types("399999");
    await ada.page.keyboard.press("Enter");
    await ada.seesInPage("a line of it 399998");
    await ada.button("Find").click();
    await ada.types("it 200123");
    await ada.seesInPage("1 found");
    await ada.page.keyboard.press("Enter");
    await ada.seesInPage("a line of it 200123");

    const url = await world.fileUrl("Trip/long.txt");
    const opened = await timed(() => ada.edits(url));
    await ada.toEnd();
    const typed = await timed(async () => {
      await ada.types("!");
      await ada.seesInPage("line 299999!");
    });
    world.tell(`300,000 lines: open in ${opened} ms, a key shown in ${typed} ms`);
    await ada.isSaved();
  },
);
