// The language of a file, by its name.

import { LanguageDescription } from "@codemirror/language";
import { languages } from "@codemirror/language-data";
import type { Extension } from "@codemirror/state";

/** The language of a file by its name, fetched when needed. */
export async function languageFor(name: string): Promise<Extension> {
  if (isMarkdown(name)) {
    const { markdown, markdownLanguage } = await import("@codemirror/lang-markdown");
    return markdown({ base: markdownLanguage, codeLanguages: languages });
  }
  const found = LanguageDescription.matchFilename(languages, name);
  if (!found) return [];
  return found.load().catch(() => []);
}

export const isMarkdown = (name: string): boolean => /\.(md|markdown|mdown|mkd)$/i.test(name);
export const isProse = (name: string): boolean =>
  isMarkdown(name) || /\.(txt|text|adoc|rst|tex)$/i.test(name);
