// Diagrams by Mermaid, in the colours of the page; fetched when a text has the first one.

import mermaid from "mermaid";

const LONGEST = 20_000;
let count = 0;

/** A colour of the page as it is now, in a form that other programs read. */
function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function dress() {
  const [ink, line, wash, comb, honey] = ["ink", "edge", "wash", "comb", "honey-wash"].map(colour);
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    suppressErrorRendering: true,
    maxTextSize: LONGEST,
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    theme: "base",
    fontFamily: "system-ui, sans-serif",
    themeVariables: {
      background: comb,
      primaryColor: honey,
      primaryTextColor: ink,
      primaryBorderColor: line,
      secondaryColor: wash,
      tertiaryColor: comb,
      lineColor: ink,
      textColor: ink,
      noteBkgColor: wash,
      noteTextColor: ink,
    },
  });
}

/** The diagram as a picture with a width of its own, or why there is none. */
export async function draw(
  source: string,
): Promise<{ svg: string; width: number } | { fault: string }> {
  try {
    dress();
    const { svg } = await mermaid.render(`sk-diagram-${(count += 1)}`, source);
    const [, , width = 600, height = 400] =
      /viewBox="([-\d. ]+)"/.exec(svg)?.[1]?.split(" ").map(Number) ?? [];
    const sized = svg.replace(/ width="[^"]*"/, ` width="${width}" height="${height}"`);
    return { svg: sized, width: Math.ceil(width) };
  } catch (cause) {
    return { fault: cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "" };
  }
}
